#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proxy/prefix_table.h"
#include "proxy/route_options.h"

namespace holdfast {

// The routes of one listener. Of those that match a request the one with the most specific host is
// taken, and of these the one with the longest path. Two halvings of sorted tables, whatever their
// size; nothing is allocated.
//
// The path is looked at as backends may read it. If they may read it in several ways that lead to
// different upstreams it is refused: whichever was chosen, a backend could be reached with a path
// that was meant for another.
class Router {
 public:
  explicit Router(std::span<const RouteOptions> routes);

  // The names of the upstreams, each once.
  [[nodiscard]] const std::vector<std::string>& upstreams() const { return upstreams_; }

  // The number of the upstream among those names, or no_route or ambiguous_path. `target` is in
  // origin-form or asterisk-form; the host may be empty.
  [[nodiscard]] Result<std::size_t> find(std::string_view host, std::string_view target) const;

 private:
  // The paths that are routed for one host, and where to.
  struct Paths {
    PrefixTable table;
    std::vector<std::size_t> upstreams;
    bool any = false;  // "/" is the only one
  };

  [[nodiscard]] std::size_t next_host(std::size_t number, std::string_view reversed) const;
  [[nodiscard]] std::size_t find_path(std::size_t host, std::string_view reversed,
                                      std::string_view path) const;
  [[nodiscard]] Result<std::size_t> agree(std::size_t host, std::string_view reversed,
                                          std::string_view path) const;
  void add_host(std::span<const RouteOptions> routes);
  [[nodiscard]] std::size_t upstream_number(const std::string& name);

  std::vector<std::string> upstreams_;
  PrefixTable hosts_;         // reversed: a suffix is a prefix then, and any host is the empty one
  std::vector<Paths> paths_;  // by host
};

}  // namespace holdfast
