#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "codec/http1/head.h"
#include "proxy/options.h"
#include "proxy/router.h"

namespace holdfast {

class Upstream;

// Which upstream gets a request of one listener, in one worker: the one that the listener names, or
// the one that its routes lead to.
class Routes {
 public:
  // `upstreams` holds all those that the listener names; none for one that answers by itself.
  Routes(const ListenerOptions& listener, std::span<Upstream* const> upstreams);

  [[nodiscard]] Result<Upstream*> choose(const http1::RequestHead& head) const {
    return only_ != nullptr ? Result<Upstream*>(only_) : look_up(head);
  }

 private:
  [[nodiscard]] Result<Upstream*> look_up(const http1::RequestHead& head) const;

  Upstream* only_ = nullptr;  // of a listener without routes
  std::optional<Router> router_;
  std::vector<Upstream*> upstreams_;  // by the router's numbers
};

}  // namespace holdfast
