#include "admin/status_page.h"

namespace holdfast {

std::string safe_fields(std::string_view content_policy) {
  std::string fields =
      "Cache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "X-Frame-Options: DENY\r\n"
      "Referrer-Policy: no-referrer\r\n"
      "Cross-Origin-Resource-Policy: same-origin\r\n"
      "Content-Security-Policy: ";
  fields += content_policy;
  return fields += "\r\n";
}

LocalAnswer plain_answer(int status, std::string_view text) {
  return {.status = status, .fields = safe_fields(), .body = std::string(text) + '\n'};
}

}  // namespace holdfast
