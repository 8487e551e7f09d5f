#include "proxy/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace holdfast {
namespace {

using Routes = std::vector<RouteOptions>;

// The name of the upstream that a request goes to, or that of the error.
std::string choice(const Router& router, std::string_view host, std::string_view target) {
  const Result<std::size_t> found = router.find(host, target);
  return found ? router.upstreams().at(*found) : std::string(error_row(found.error().code).name);
}

std::string choice(const Routes& routes, std::string_view host, std::string_view target) {
  return choice(Router(routes), host, target);
}

struct Question {
  std::string host;
  std::string target;
  std::string answer;
};

void expect(const Routes& routes, const std::vector<Question>& questions) {
  const Router router(routes);
  for (const Question& question : questions) {
    EXPECT_EQ(choice(router, question.host, question.target), question.answer)
        << question.host << ' ' << question.target;
  }
}

TEST(Router, PrefersTheExactHostThenTheLongestSuffixThenAnyHost) {
  const Routes routes = {{"", "/", "any"},
                         {"*.example.test", "/", "suffix"},
                         {"*.api.example.test", "/", "long suffix"},
                         {"v1.api.example.test", "/", "exact"}};
  expect(routes, {{"v1.api.example.test", "/", "exact"},
                  {"v2.api.example.test", "/", "long suffix"},
                  {"a.v1.api.example.test", "/", "long suffix"},
                  {"api.example.test", "/", "suffix"},
                  {"www.example.test", "/", "suffix"},
                  {"example.test", "/", "any"},
                  {"notexample.test", "/", "any"},
                  {"example.test.evil.test", "/", "any"},
                  {"", "/", "any"}});
}

TEST(Router, ComparesHostsWithoutCasePortAndTrailingDot) {
  const Routes routes = {{"api.example.test", "/", "api"}, {"*.shop.test", "/", "shop"}};
  expect(routes, {{"API.Example.TEST", "/", "api"},
                  {"api.example.test:8080", "/", "api"},
                  {"api.example.test.", "/", "api"},
                  {"api.example.test.:80", "/", "api"},
                  {"WWW.SHOP.TEST:1", "/", "shop"},
                  {"api.example.test..", "/", "no_route"},
                  {"xapi.example.test", "/", "no_route"},
                  {"api.example.testx", "/", "no_route"}});
}

TEST(Router, KnowsAnIpv6AddressHoweverItIsWritten) {
  const Routes routes = {{"[fd00::15]", "/", "six"}, {"10.0.0.5", "/", "four"}};
  expect(routes, {{"[fd00::15]", "/", "six"},
                  {"[FD00:0:0:0:0:0:0:15]:8080", "/", "six"},
                  {"[fd00::16]", "/", "no_route"},
                  {"[fd00::15", "/", "no_route"},
                  {"10.0.0.5:80", "/", "four"}});
}

TEST(Router, GivesARequestWithoutAHostToARouteForAnyHostOnly) {
  EXPECT_EQ(choice({{"a", "/", "a"}}, "", "/"), "no_route");
  EXPECT_EQ(choice({{"a", "/", "a"}, {"", "/x", "x"}}, "", "/x"), "x");
}

TEST(Router, TakesAHostThatIsTooLongForOneOfNoRoute) {
  const std::string longest = std::string(255, 'a');
  EXPECT_EQ(choice({{longest, "/", "long"}}, longest, "/"), "long");
  EXPECT_EQ(choice({{longest, "/", "long"}}, longest + "a", "/"), "no_route");
  EXPECT_EQ(choice({{"*.test", "/", "suffix"}, {"", "/", "any"}}, longest + ".test", "/"), "any");
}

TEST(Router, PrefersTheLongestPath) {
  const Routes routes = {
      {"", "/", "root"}, {"", "/v1", "v1"}, {"", "/v1/users", "users"}, {"", "/static/", "static"}};
  expect(routes, {{"", "/", "root"},
                  {"", "/v1", "v1"},
                  {"", "/v1/", "v1"},
                  {"", "/v1?x=/v1/users", "v1"},
                  {"", "/v1/orders", "v1"},
                  {"", "/v1/users", "users"},
                  {"", "/v1/users/7", "users"},
                  {"", "/v1/usersx", "v1"},
                  {"", "/V1", "root"},
                  {"", "/static/x", "static"},
                  {"", "/static", "root"}});
}

TEST(Router, NeedsTheLastSegmentWhole) {
  expect({{"", "/v1", "v1"}}, {{"", "/v10", "no_route"},
                               {"", "/v1-beta", "no_route"},
                               {"", "/v", "no_route"},
                               {"", "/v1/0", "v1"}});
}

TEST(Router, LetsTheHostDecideBeforeThePath) {
  const Routes routes = {{"a.test", "/", "host"}, {"", "/long/path", "path"}};
  EXPECT_EQ(choice(routes, "a.test", "/long/path"), "host");
}

TEST(Router, FallsBackToALessSpecificHostWhereNoPathMatches) {
  const Routes routes = {
      {"api.a.test", "/v1", "exact"}, {"*.a.test", "/v2", "suffix"}, {"", "/v3", "any"}};
  expect(routes, {{"api.a.test", "/v1", "exact"},
                  {"api.a.test", "/v2", "suffix"},
                  {"api.a.test", "/v3", "any"},
                  {"api.a.test", "/v4", "no_route"},
                  {"www.a.test", "/v1", "no_route"}});
}

TEST(Router, TakesTheAsteriskFormAndAnEmptyPathForTheRoot) {
  const Routes routes = {{"", "/", "root"}, {"", "/v1", "v1"}};
  expect(routes, {{"", "*", "root"}, {"", "?/v1", "root"}});
  EXPECT_EQ(choice({{"", "/v1", "v1"}}, "", "*"), "no_route");
}

TEST(Router, ReadsThroughPercentEncoding) {
  const Routes routes = {{"", "/", "root"}, {"", "/admin", "admin"}, {"", "/caf\xc3\xa9", "cafe"}};
  expect(routes, {{"", "/%61dmin", "admin"},
                  {"", "/%61%64%6d%69%6e/x%20y", "admin"},
                  {"", "/caf%C3%A9", "cafe"},
                  {"", "/caf%c3%a9/1", "cafe"},
                  {"", "/%2561dmin", "root"},
                  {"", "/100%", "root"},
                  {"", "/%zz", "root"},
                  {"", "/admin?%2e%2e/", "admin"}});
}

TEST(Router, RefusesWhatOneBackendWouldReadAsAnothersPath) {
  const Routes routes = {{"", "/", "root"}, {"", "/admin", "admin"}};
  for (const std::string_view target :
       {"/x/../admin", "/x/..%2fadmin",  "/x/%2e%2e/admin", "/x/.%2E/admin", "/x/..;/admin",
        "/./admin",    "//admin",        "/%2fadmin",       "/x\\..\\admin", "/x%5c..%5cadmin",
        "/%5cadmin",   "/\\admin",       "/admin/..",       "/admin/../x",   "/admin;a=b",
        "/admin;/x",   "/admin%2fx",     "/x//../../admin", "/;x/admin",     "/admin%00",
        "/%00",        "/x/../../admin", "/..//admin"}) {
    EXPECT_EQ(choice(routes, "", target), "http_request_path_ambiguous") << target;
  }
}

TEST(Router, CarriesAnOddPathThatEveryoneReadsAlike) {
  const Routes routes = {{"", "/", "root"}, {"", "/admin", "admin"}, {"", "/also", "admin"}};
  expect(routes, {{"", "/api/projects/group%2Fname", "root"},
                  {"", "/.well-known/acme", "root"},
                  {"", "/a//b", "root"},
                  {"", "/a/../b", "root"},
                  {"", "/matrix;a=b/c", "root"},
                  {"", "/admin/a//b;c/..", "admin"},
                  {"", "/admin/../also", "admin"},
                  {"", "/x/..hidden", "root"},
                  {"", "/...", "root"}});
}

TEST(Router, LooksAtNoPathWhereTheHostDecides) {
  EXPECT_EQ(choice({{"a.test", "/", "a"}, {"", "/x", "x"}}, "a.test", "/y/../%00/x"), "a");
}

// A path can be longer than what of it is compared.
TEST(Router, ReadsPathsOfAnyLength) {
  const Routes routes = {{"", "/", "root"}, {"", "/admin", "admin"}};
  const std::string segment = std::string(700, 'x');
  const std::string deep = "/admin/" + segment + "/" + segment + "/" + segment;
  EXPECT_EQ(choice(routes, "", deep + "/../../.."), "admin");
  EXPECT_EQ(choice(routes, "", deep + "/../../../.."), "http_request_path_ambiguous");
  EXPECT_EQ(choice(routes, "", "/" + segment + "/" + segment + "/../../admin"),
            "http_request_path_ambiguous");
  const std::string edge = "/" + std::string(1023, 'x');
  EXPECT_EQ(choice(routes, "", edge + "/.."), "root");
  EXPECT_EQ(choice(routes, "", edge + "/a/../../admin"), "http_request_path_ambiguous");
  EXPECT_EQ(choice(routes, "", "/admin" + edge + "/../a"), "admin");
  EXPECT_EQ(choice(routes, "", "/admin/%2e" + edge + edge), "admin");
  const std::string longest = "/" + std::string(1023, 'y');
  EXPECT_EQ(choice({{"", longest, "y"}}, "", longest + "/%78"), "y");
  EXPECT_EQ(choice({{"", longest, "y"}}, "", longest + "%78"), "no_route");
}

TEST(Router, FindsItsWayAmongThousandsOfRoutes) {
  Routes routes;
  for (int i = 0; i < 1000; ++i) {
    const std::string number = std::to_string(i);
    routes.push_back({"h" + number + ".test", "/", "host" + number});
    routes.push_back({"", "/p" + number, "path" + number});
    routes.push_back({"", "/p0/" + std::string(static_cast<std::size_t>(i) + 1, 'a'), "deep"});
  }
  const Router router(routes);
  for (int i = 0; i < 1000; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(choice(router, "h" + number + ".test", "/x"), "host" + number);
    EXPECT_EQ(choice(router, "other", "/p" + number + "/x"), "path" + number);
  }
  EXPECT_EQ(choice(router, "other", "/p0/" + std::string(1000, 'a')), "deep");
  EXPECT_EQ(choice(router, "other", "/p0/" + std::string(1001, 'a')), "path0");
}

// --- Against a reference that is as simple as can be ---

bool host_matches(const std::string& pattern, const std::string& host) {
  if (pattern.starts_with("*")) {
    return host.size() > pattern.size() - 1 && host.ends_with(pattern.substr(1));
  }
  return pattern.empty() || pattern == host;
}

bool path_matches(const std::string& prefix, const std::string& path) {
  return path.starts_with(prefix) &&
         (prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string naive_choice(const Routes& routes, const std::string& host, const std::string& path) {
  const RouteOptions* best = nullptr;
  const auto rank = [](const RouteOptions& route) {
    const std::size_t exact = !route.host.empty() && !route.host.starts_with("*") ? 1 : 0;
    return std::make_tuple(exact, route.host.size(), route.path.size());
  };
  for (const RouteOptions& route : routes) {
    if (host_matches(route.host, host) && path_matches(route.path, path) &&
        (best == nullptr || rank(route) > rank(*best))) {
      best = &route;
    }
  }
  return best == nullptr ? "no_route" : best->upstream;
}

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return engine_() % end; }
  std::string one_of(const std::vector<std::string>& words) { return words[below(words.size())]; }
  std::string joined(std::string_view separator, std::size_t most,
                     const std::vector<std::string>& words) {
    std::string text = one_of(words);
    for (std::size_t left = below(most); left > 0; --left) {
      text.append(separator).append(one_of(words));
    }
    return text;
  }

 private:
  std::mt19937 engine_;
};

// Few words, so that much matches.
const std::vector<std::string> labels = {"a", "b", "aa", "test"};

std::string any_path(Dice& dice) { return "/" + dice.joined("/", 4, {"a", "b", "aa", "a-"}); }

Routes any_routes(Dice& dice) {
  Routes routes;
  const std::size_t count = 1 + dice.below(20);
  for (std::size_t i = 0; i < count; ++i) {
    RouteOptions route;
    const std::size_t kind = dice.below(3);
    route.host = kind == 0 ? "" : (kind == 1 ? "*." : "") + dice.joined(".", 3, labels);
    route.path = dice.below(3) == 0 ? "/" : any_path(dice) + (dice.below(3) == 0 ? "/" : "");
    route.upstream = dice.one_of({"one", "two", "three", "four"});
    const bool is_new = std::none_of(routes.begin(), routes.end(), [&](const RouteOptions& other) {
      return other.host == route.host && other.path == route.path;
    });
    if (is_new) {
      routes.push_back(route);
    }
  }
  return routes;
}

TEST(Router, AgreesWithANaiveOne) {
  const unsigned seed = std::random_device{}();
  Dice dice(seed);
  for (int round = 0; round < 500; ++round) {
    const Routes routes = any_routes(dice);
    const Router router(routes);
    for (int i = 0; i < 10; ++i) {
      const std::string host = dice.joined(".", 4, labels);
      const std::string path = any_path(dice) + (dice.below(3) == 0 ? "/" : "");
      ASSERT_EQ(choice(router, host, path + "?q"), naive_choice(routes, host, path))
          << "seed " << seed << ", round " << round << ", host " << host << ", path " << path;
    }
  }
}

// One way of reading a path, made of whole segments.
struct Habit {
  bool odd_separators;
  bool merges;
  bool cuts_parameters;
  bool resolves_dots;
};

std::string read_as(const std::string& path, Habit habit) {
  std::string text = path.substr(1);
  const auto replace = [&text](const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  };
  replace("%2f", habit.odd_separators ? "/" : "|");
  replace("\\", habit.odd_separators ? "/" : "|");
  replace("%61", "a");
  replace("%2e", ".");
  std::vector<std::string> read;
  bool ends_open = false;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find('/', from), text.size());
    std::string segment = text.substr(from, to - from);
    const bool is_last = to == text.size();
    if (habit.cuts_parameters) {
      segment = segment.substr(0, segment.find(';'));
    }
    ends_open = false;
    if (habit.resolves_dots && (segment == "." || segment == "..")) {
      if (segment == ".." && !read.empty()) {
        read.pop_back();
      }
      ends_open = true;
    } else if (segment.empty() && (habit.merges || is_last)) {
      ends_open = true;
    } else {
      read.push_back(segment);
    }
    from = to + 1;
  }
  std::string result;
  for (const std::string& segment : read) {
    result += "/" + segment;
  }
  return ends_open || read.empty() ? result + "/" : result;
}

// Whatever it carries, every backend that reads the path in its own way reads the same route.
TEST(Router, CarriesOnlyWhatAllHabitsReadAlike) {
  const unsigned seed = std::random_device{}();
  Dice dice(seed);
  const std::vector<std::string> odd = {"a",     "b",      "aa",   "a-",    "",    ".",
                                        "..",    "%61",    "%2e.", "..;x",  "a;x", ";",
                                        "a%2fb", "..%2fa", "a\\b", "%2e%2e"};
  for (int round = 0; round < 1000; ++round) {
    const Routes routes = any_routes(dice);
    const std::string path = "/" + dice.joined("/", 5, odd);
    std::vector<std::string> answers;
    for (unsigned habits = 0; habits < 16; ++habits) {
      const Habit habit{(habits & 1) != 0, (habits & 2) != 0, (habits & 4) != 0, (habits & 8) != 0};
      answers.push_back(naive_choice(routes, "a.b", read_as(path, habit)));
    }
    const bool is_clear = std::count(answers.begin(), answers.end(), answers.front()) == 16;
    ASSERT_EQ(choice(routes, "a.b", path),
              is_clear ? answers.front() : "http_request_path_ambiguous")
        << "seed " << seed << ", round " << round << ", path " << path;
  }
}

}  // namespace
}  // namespace holdfast
