#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace holdfast {

// Writes JSON (RFC 8259) from front to back into one string. Members and elements come in the order
// of the calls; what is inside an object or an array is written by the call it is given:
//
//   json.object("clients", [&] { json.member("open", open); });
class JsonWriter {
 public:
  // The outermost object; inside an array, its next element.
  template <class Inside>
  void object(Inside&& inside) {
    separate();
    enclose('{', inside, '}');
  }
  template <class Inside>
  void object(std::string_view name, Inside&& inside) {
    begin(name);
    enclose('{', inside, '}');
  }
  template <class Inside>
  void array(std::string_view name, Inside&& inside) {
    begin(name);
    enclose('[', inside, ']');
  }

  void member(std::string_view name, std::string_view text);
  void member(std::string_view name, const char* text) { member(name, std::string_view(text)); }
  void member(std::string_view name, std::integral auto number) {
    begin(name);
    text_ += std::to_string(number);
  }
  void member(std::string_view name, bool claim);
  // In seconds, to the millisecond.
  void member(std::string_view name, Duration duration);
  void null(std::string_view name);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void separate();
  void begin(std::string_view name);
  template <class Inside>
  void enclose(char open, Inside& inside, char close) {
    text_ += open;
    inside();
    text_ += close;
  }

  std::string text_;
};

}  // namespace holdfast
