#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using testing::EndsWith;
using testing::StartsWith;

// A chunked request whose server spoke HTTP/1.1 when its head came, and HTTP/1.0 when its turn
// came.
class ABodyCollectedAfterAWait : public ProxyTest {};

TEST_F(ABodyCollectedAfterAWait, IsInvited) {
  upstream.pool.max_connections = 1;
  Far& busy = served_client();
  busy.sends(get);
  Far& far = client();
  far.sends(
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(far.got(), "");
  static_cast<void>(backend(0).got());
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(backend(0).got(), "");
  far.sends("5\r\nabcde\r\n0\r\n\r\n");
  EXPECT_THAT(backend(0).got(),
              EndsWith("Content-Length: 5\r\nConnection: keep-alive\r\n\r\nabcde"));
  backend(0).sends(ok10);
  EXPECT_EQ(far.got(), ok);
}

TEST_F(ABodyCollectedAfterAWait, HasItsTime) {
  upstream.pool.max_connections = 1;
  Far& busy = served_client();
  busy.sends(get);
  Far& far = client();
  far.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  backend(0).sends(ok10);
  advance(listener.timeouts.body + 1s);
  EXPECT_THAT(far.got(), StartsWith("HTTP/1.1 408 "));
}

}  // namespace
}  // namespace holdfast
