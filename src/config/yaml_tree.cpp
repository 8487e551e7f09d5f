#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <optional>
#include <sstream>
#include <utility>

namespace holdfast {
namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) {
    return {};
  }
  return {.line = static_cast<std::uint32_t>(mark.line) + 1,
          .column = static_cast<std::uint32_t>(mark.column) + 1};
}

// Valid YAML that we refuse. It stops the parser as the parser stops itself.
class Refusal final : public YAML::ParserException {
 public:
  using YAML::ParserException::ParserException;
};

// Builds the tree from yaml-cpp's events. What it refuses it throws, for parse_yaml to turn into
// a diagnostic.
class TreeBuilder final : public YAML::EventHandler {
 public:
  [[nodiscard]] YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) {
      throw Refusal(mark, "a second document; a configuration is one document");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    add(make(YamlKind::null, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw Refusal(mark, "aliases are not supported; write the value out");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    throw Refusal(mark, "anchors are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode node = make(YamlKind::scalar, mark);
    const bool has_quotes = tag == "!";
    node.place.width = static_cast<std::uint32_t>(value.size()) + (has_quotes ? 2 : 0);
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlKind::list, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlKind::map, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  YamlNode make(YamlKind kind, const YAML::Mark& mark) {
    if (++nodes_ > max_yaml_nodes) {
      throw Refusal(mark, fmt::format("more than {} values", max_yaml_nodes));
    }
    return {.kind = kind, .place = place_of(mark), .text = {}, .keys = {}, .items = {}};
  }

  // yaml-cpp gives plain scalars the tag "?" and quoted ones "!".
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refusal(mark, "tags are not supported");
    }
  }

  void open(YamlKind kind, const YAML::Mark& mark, const std::string& tag) {
    refuse_tag(mark, tag);
    if (open_.size() >= max_yaml_depth) {
      throw Refusal(mark, fmt::format("nested deeper than {}", max_yaml_depth));
    }
    open_.push_back(make(kind, mark));
  }

  void close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    const bool is_key = parent.kind == YamlKind::map && parent.keys.size() == parent.items.size();
    (is_key ? parent.keys : parent.items).push_back(std::move(node));
  }

  YamlNode root_;
  std::vector<YamlNode> open_;  // from the root inwards: begun, and not ended yet
  std::size_t nodes_ = 0;
  bool started_ = false;
};

std::string_view line_at(std::string_view text, std::uint32_t line) {
  for (std::uint32_t at = 1; at < line; ++at) {
    const std::size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What most often is behind a parser's complaint about such a line.
std::string_view parse_hint(std::string_view line) {
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    return "; indent with spaces, not with tabs";
  }
  if (line.find("${") != std::string_view::npos) {
    return "; a ${...} inside { } or [ ] needs quotes";
  }
  if (line.find("]:") != std::string_view::npos) {
    return "; an IPv6 address needs quotes: \"[::1]:8080\"";
  }
  return "";
}

// yaml-cpp speaks of its own states; this is what a person has to mend.
std::string_view plain_words(std::string_view message) {
  if (message == YAML::ErrorMsg::END_OF_MAP || message == YAML::ErrorMsg::END_OF_SEQ) {
    return "the indentation does not fit";
  }
  if (message == YAML::ErrorMsg::END_OF_MAP_FLOW) {
    return "a '}' is missing";
  }
  if (message == YAML::ErrorMsg::END_OF_SEQ_FLOW) {
    return "a ']' is missing";
  }
  return message;
}

Diagnostic syntax_error(const YAML::Exception& from, std::string_view text) {
  const Place place = place_of(from.mark);
  return {.severity = Severity::error,
          .file = {},
          .place = place,
          .message = fmt::format("not valid YAML: {}{}", plain_words(from.msg),
                                 parse_hint(line_at(text, place.line)))};
}

}  // namespace

tl::expected<YamlNode, Diagnostic> parse_yaml(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return tl::unexpected(
        Diagnostic{Severity::error, {}, {}, "not a text file: it holds a NUL byte"});
  }
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refused) {
    return tl::unexpected(Diagnostic{Severity::error, {}, place_of(refused.mark), refused.msg});
  } catch (const YAML::Exception& refused) {
    return tl::unexpected(syntax_error(refused, text));
  }
  return builder.take();
}

}  // namespace holdfast
