#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/status_page.h"
#include "config/config.h"

namespace holdfast {

// The pages of the status listener, by path. What must not reach any of them stops here: other
// methods, unknown paths, pages that are not for everybody, and requests that a browser was tricked
// into (DNS rebinding), which carry a stranger's name in Host.
class StatusSite final : public LocalResponder {
 public:
  explicit StatusSite(const StatusOptions& options);

  void add(std::string_view path, Audience audience, StatusPage& page);
  void on_end();

  void respond(const http1::RequestHead& request, LocalReply& reply) override;
  void on_gone(LocalReply& reply) override;

 private:
  struct Place {
    std::string_view path;
    Audience audience;
    StatusPage* page;
  };

  [[nodiscard]] const Place* find(std::string_view target) const;
  [[nodiscard]] std::string paths() const;
  [[nodiscard]] bool believes(std::string_view host, const Place& place) const;

  bool is_local_;          // the address is of loopback
  bool for_this_machine_;  // pages for this machine only are shown
  std::vector<Place> places_;
};

// Whether a Host field cannot be a name that a stranger has pointed at this machine: an address, or
// localhost.
[[nodiscard]] bool is_own_host(std::string_view host);

}  // namespace holdfast
