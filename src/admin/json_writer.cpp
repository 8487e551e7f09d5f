#include "admin/json_writer.h"

#include <fmt/format.h>

#include "base/log_text.h"

namespace holdfast {

void JsonWriter::separate() {
  if (!text_.empty() && text_.back() != '{' && text_.back() != '[') {
    text_ += ',';
  }
}

void JsonWriter::begin(std::string_view name) {
  separate();
  text_ += '"';
  text_ += json_escaped(name);
  text_ += "\":";
}

void JsonWriter::member(std::string_view name, std::string_view text) {
  begin(name);
  text_ += '"';
  text_ += json_escaped(text);
  text_ += '"';
}

void JsonWriter::member(std::string_view name, bool claim) {
  begin(name);
  text_ += claim ? "true" : "false";
}

void JsonWriter::member(std::string_view name, Duration duration) {
  begin(name);
  text_ += fmt::format("{:.3f}", std::chrono::duration<double>(duration).count());
}

void JsonWriter::null(std::string_view name) {
  begin(name);
  text_ += "null";
}

}  // namespace holdfast
