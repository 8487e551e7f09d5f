#include "proxy/routes.h"

#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A listener with one route, to /v1 of the host a.
class ARoute : public ProxyTest {
 protected:
  ARoute() { listener.routes = {{"a", "/v1", ""}}; }

  static std::string post_to(std::string_view target, std::string_view body, std::size_t length) {
    return "POST " + std::string(target) +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" +
           std::string(body);
  }
};

TEST_F(ARoute, CarriesWhatMatchesAndSendsThePathAsItCame) {
  Far& far = client();
  far.sends(get_of("/v1/%78?y"));
  EXPECT_THAT(backend(0).got(), StartsWith("GET /v1/%78?y HTTP/1.1\r\n"));
  backend(0).sends(ok);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ARoute, AnswersWhatDoesNotWith404AndGoesOn) {
  Far& far = client();
  far.sends(get_of("/v10") + get_of("/v1"));
  EXPECT_EQ(errors(ErrorCode::no_route), 1U);
  backend(0).sends(ok);
  const std::string answers = far.got();
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(answers, HasSubstr("No route"));
  EXPECT_THAT(answers, testing::EndsWith(std::string(ok)));
  EXPECT_TRUE(far.open());
}

TEST_F(ARoute, LetsAClientGoOnWhoseBodyIsThere) {
  Far& far = client();
  far.sends(post_to("/x", "12345", 5) + get_of("/y"));
  EXPECT_EQ(errors(ErrorCode::no_route), 2U);
  EXPECT_TRUE(far.open());
  EXPECT_EQ(backends(), 0U);
}

TEST_F(ARoute, ClosesAClientWhoseBodyIsOnItsWay) {
  Far& far = client();
  far.sends(post_to("/x", "123", 5));
  EXPECT_THAT(far.got(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(far.open());
}

TEST_F(ARoute, RefusesAPathThatCanBeReadInSeveralWays) {
  Far& far = client();
  far.sends(get_of("/v1/../x"));
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 400 "));
  EXPECT_FALSE(far.open());
  EXPECT_EQ(errors(ErrorCode::ambiguous_path), 1U);
}

}  // namespace
}  // namespace holdfast
