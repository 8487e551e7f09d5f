#include "codec/http1/hop_by_hop.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace holdfast::http1 {
namespace {

std::vector<std::string> elements_of(std::string_view list) {
  std::vector<std::string> found;
  ListElements elements(list);
  std::string_view element;
  while (elements.next(element)) {
    found.emplace_back(element);
  }
  return found;
}

ConnectionOptions options_of(std::string_view value) {
  ConnectionOptions options;
  options.add_connection(value);
  return options;
}

TEST(List, HasElementsWithoutBlanksAndWithoutEmptyOnes) {
  EXPECT_EQ(elements_of("a"), (std::vector<std::string>{"a"}));
  EXPECT_EQ(elements_of("a ,\tb\t, c d"), (std::vector<std::string>{"a", "b", "c d"}));
  EXPECT_EQ(elements_of(", ,a,, "), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(elements_of("").empty());
  EXPECT_TRUE(elements_of(" , ,").empty());
}

TEST(Persistence, IsTheDefaultOfHttp11AndAnOptionOfHttp10) {
  const struct {
    std::string_view connection;
    bool http11;
    bool http10;
  } rows[] = {
      {"", true, false},
      {"keep-alive", true, true},
      {"Keep-Alive", true, true},
      {"close", false, false},
      {"CLOSE", false, false},
      {"close\t", false, false},
      {"x,\tclose ,y", false, false},
      {"keep-alive, close", false, false},
      {"close, keep-alive", false, false},
      {"closed", true, false},
      {"keep-alived", true, false},
      {"keep-alive;x", false, false},
      {"close;x", false, false},
      {"Upgrade", true, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(persists(Version::http11, options_of(row.connection)), row.http11) << row.connection;
    EXPECT_EQ(persists(Version::http10, options_of(row.connection)), row.http10) << row.connection;
  }
}

TEST(Persistence, IsEndedButNeverBegunByProxyConnection) {
  ConnectionOptions options;
  options.add_proxy_connection("keep-alive");
  EXPECT_FALSE(persists(Version::http10, options));
  EXPECT_TRUE(persists(Version::http11, options));
  options.add_proxy_connection("x, Close");
  EXPECT_FALSE(persists(Version::http11, options));
}

TEST(Connection, TellsWhatItNames) {
  EXPECT_FALSE(options_of("close, keep-alive").nominates);
  EXPECT_TRUE(options_of("X-Mine").nominates);
  EXPECT_FALSE(options_of("X-Mine, Upgrade, TE").nominates_guarded);
  for (const std::string_view name :
       {"Authorization", "content-length", "Cookie", "Forwarded", "Host", "Transfer-Encoding",
        "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"}) {
    EXPECT_TRUE(options_of(name).nominates_guarded) << name;
  }
  EXPECT_TRUE(options_of("a b, X-Mine").nominates);
  EXPECT_TRUE(options_of("a b, Content-Length").nominates_framing);
  EXPECT_TRUE(options_of("x, transfer-encoding").nominates_framing);
  EXPECT_TRUE(options_of("content-length").nominates_framing);
  EXPECT_FALSE(options_of("host").nominates_framing);
}

TEST(Connection, IsMalformedWhenAnOptionIsNoTokenOrThereAreTooMany) {
  EXPECT_TRUE(options_of("a b").malformed);
  EXPECT_TRUE(options_of("\"close\"").malformed);
  std::string most = "a";
  for (std::size_t i = 1; i < max_connection_options; ++i) {
    most += ",a";
  }
  EXPECT_FALSE(options_of(most).malformed);
  EXPECT_TRUE(options_of(most + ",a").malformed);
}

TEST(Connection, MarksThePlainFieldsThatItNames) {
  std::array<Field, 6> fields{{{"X-Mine", "1", FieldId::other},
                               {"Connection", "close, x-mine, Upgrade", FieldId::connection},
                               {"Upgrade", "h2c", FieldId::upgrade},
                               {"X-MINE", "2", FieldId::other},
                               {"X-Yours", "3", FieldId::other},
                               {"Connection", "Accept", FieldId::connection}}};
  mark_nominated(fields);
  EXPECT_EQ(fields[0].id, FieldId::nominated);
  EXPECT_EQ(fields[1].id, FieldId::connection);
  EXPECT_EQ(fields[2].id, FieldId::upgrade);
  EXPECT_EQ(fields[3].id, FieldId::nominated);
  EXPECT_EQ(fields[4].id, FieldId::other);
}

TEST(HopByHop, FieldsStopHere) {
  for (const std::string_view name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
        "Upgrade", "HTTP2-Settings", "Content-Length"}) {
    EXPECT_TRUE(stops_in_request(field_id(name))) << name;
    EXPECT_TRUE(stops_in_response(field_id(name))) << name;
  }
  for (const std::string_view name : {"Host", "Expect", "Proxy", "Proxy-Authorization"}) {
    EXPECT_TRUE(stops_in_request(field_id(name))) << name;
    EXPECT_FALSE(stops_in_response(field_id(name))) << name;
  }
  for (const std::string_view name : {"Accept", "Cookie", "Authorization", "WWW-Authenticate"}) {
    EXPECT_FALSE(stops_in_request(field_id(name))) << name;
    EXPECT_FALSE(stops_in_response(field_id(name))) << name;
  }
}

TEST(Credentials, BindTheConnectionWithTheSchemesThatAuthenticateIt) {
  for (const std::string_view value : {"NTLM", "ntlm TlRMTVNTUAAB", "Negotiate", "negotiate YII=",
                                       "Basic realm=\"x\", NTLM", "Negotiate, Basic realm=x"}) {
    EXPECT_TRUE(binds_connection(value)) << value;
  }
  for (const std::string_view value :
       {"", "Basic dXNlcg==", "Bearer ntlm", "NTLMv3 x", "Digest username=\"negotiate\""}) {
    EXPECT_FALSE(binds_connection(value)) << value;
  }
}

TEST(KeepAlive, IsReadAsFarAsItIsUnderstood) {
  EXPECT_EQ(read_keep_alive("timeout=5, max=100").timeout, 5U);
  EXPECT_EQ(read_keep_alive("timeout=5, max=100").max, 100U);
  EXPECT_EQ(read_keep_alive("Max=7 ,TIMEOUT=9").timeout, 9U);
  EXPECT_EQ(read_keep_alive("Max=7 ,TIMEOUT=9").max, 7U);
  for (const char* text : {"", "timeout", "timeout=", "timeout=x", "timeout=5s", "timeout=-1",
                           "timeout=99999999999999999999", "timeouts=5"}) {
    EXPECT_FALSE(read_keep_alive(text).timeout) << text;
  }
}

}  // namespace
}  // namespace holdfast::http1
