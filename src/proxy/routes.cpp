#include "proxy/routes.h"

#include <algorithm>

#include "base/check.h"
#include "proxy/upstream.h"

namespace holdfast {
namespace {

Upstream* named(const std::string& name, std::span<Upstream* const> upstreams) {
  const auto at = std::find_if(upstreams.begin(), upstreams.end(), [&](const Upstream* upstream) {
    return upstream->options().name == name;
  });
  check(at != upstreams.end(), "the configuration names only upstreams it has");
  return *at;
}

}  // namespace

Routes::Routes(const ListenerOptions& listener, std::span<Upstream* const> upstreams) {
  if (listener.routes.empty()) {
    only_ = upstreams.empty() ? nullptr : named(listener.upstream, upstreams);
    return;
  }
  router_.emplace(listener.routes);
  for (const std::string& name : router_->upstreams()) {
    upstreams_.push_back(named(name, upstreams));
  }
}

Result<Upstream*> Routes::look_up(const http1::RequestHead& head) const {
  check(router_.has_value(), "a listener that answers by itself routes nothing");
  return router_->find(head.host, head.target).map([this](std::size_t number) {
    return upstreams_[number];
  });
}

}  // namespace holdfast
