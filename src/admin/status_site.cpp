#include "admin/status_site.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace holdfast {
namespace {

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

bool is_loopback(const SocketAddress& address) {
  const std::string text = address.text();
  const auto ip = IpAddress::parse(without_port(text));
  return ip &&
         (Network::parse("127.0.0.0/8")->contains(*ip) || Network::parse("::1")->contains(*ip));
}

}  // namespace

bool is_own_host(std::string_view host) {
  constexpr std::string_view localhost = "localhost";
  std::string_view name = without_port(host);
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (name.size() > localhost.size() && name[name.size() - localhost.size() - 1] == '.') {
    name.remove_prefix(name.size() - localhost.size());
  }
  return host.empty() || IpAddress::parse(name) || equals_ignoring_case(name, localhost);
}

StatusSite::StatusSite(const StatusOptions& options)
    : is_local_(options.address && is_loopback(*options.address)),
      for_this_machine_(is_local_ || options.dashboard) {}

void StatusSite::add(std::string_view path, Audience audience, StatusPage& page) {
  places_.push_back({path, audience, &page});
}

void StatusSite::on_end() {
  for (const Place& place : places_) {
    place.page->on_end();
  }
}

const StatusSite::Place* StatusSite::find(std::string_view target) const {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Place& place : places_) {
    if (place.path == path && (place.audience == Audience::anyone || for_this_machine_)) {
      return &place;
    }
  }
  return nullptr;
}

// Those that are shown: "/livez, /readyz and /metrics".
std::string StatusSite::paths() const {
  std::vector<std::string_view> shown;
  for (const Place& place : places_) {
    if (place.audience == Audience::anyone || for_this_machine_) {
      shown.push_back(place.path);
    }
  }
  check(!shown.empty(), "a status listener shows something");
  const std::string_view last = shown.back();
  shown.pop_back();
  return shown.empty() ? std::string(last) : fmt::format("{} and {}", fmt::join(shown, ", "), last);
}

// Where only this machine can ask, a browser on it is the only way in for others. Elsewhere a
// monitor may well ask for what is for anyone by a name that is not known here.
bool StatusSite::believes(std::string_view host, const Place& place) const {
  return is_own_host(host) || (!is_local_ && place.audience == Audience::anyone);
}

void StatusSite::respond(const http1::RequestHead& request, LocalReply& reply) {
  if (request.method != http1::Method::get && request.method != http1::Method::head) {
    LocalAnswer refusal = plain_answer(405, "Only GET and HEAD are answered here.");
    refusal.fields += "Allow: GET, HEAD\r\n";
    reply.answer(refusal);
    return;
  }
  const Place* place = find(request.target);
  if (place == nullptr) {
    reply.answer(plain_answer(404, "There is nothing at this path. There is " + paths() + "."));
  } else if (!believes(request.host, *place)) {
    reply.answer(plain_answer(
        421, "This page is not shown under that name: ask by an address or as localhost."));
  } else {
    place->page->serve(request, reply);
  }
}

void StatusSite::on_gone(LocalReply& reply) {
  for (const Place& place : places_) {
    place.page->on_gone(reply);
  }
}

}  // namespace holdfast
