#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/expand.h"
#include "config/overrides.h"
#include "config/yaml_tree.h"

namespace holdfast {

// What a tree of YAML means, as far as it means anything: with errors among the diagnostics the
// configuration is not to be used.
struct Binding {
  Config config;
  std::vector<Diagnostic> diagnostics;  // in the order found; without the file's name
  // Where each key's value stands, by its path with the names in it: "upstreams.legacy.servers". A
  // section's or name's own place is that of its key.
  std::map<std::string, Place, std::less<>> places;
  // The maps with keys that are not known, by the same paths: what they lack may be meant by those.
  std::set<std::string, std::less<>> doubtful;
  // The name of the flag or variable that gave a value, by its path. The places have no line then.
  std::map<std::string, std::string, std::less<>> overruled;
};

// Fills a Config from a tree by the table of keys, then from what overrules it, and reports all
// that does not fit.
[[nodiscard]] Binding bind_tree(const YamlNode& root, const Environment& environment,
                                Overrides overrides = {});

}  // namespace holdfast
