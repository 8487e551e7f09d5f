#include "admin/people_page.h"

#include "admin/page.h"

namespace holdfast {

void PeoplePage::serve(const http1::RequestHead&, LocalReply& reply) {
  const std::string nonce = make_nonce();
  reply.answer({.type = "text/html; charset=utf-8",
                .fields = safe_fields(page_policy(nonce)),
                .body = render_page(nonce)});
}

}  // namespace holdfast
