#include "codec/http1/framing.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::http1 {
namespace {

std::string name_of(const Error& error) { return std::string(error_row(error.code).name); }

std::string read_length(std::string_view text) {
  const auto length = read_content_length(text);
  return length ? std::to_string(*length) : name_of(length.error());
}

std::string describe(const Result<Framing>& framing) {
  if (!framing) {
    return name_of(framing.error());
  }
  std::string text;
  switch (framing->body) {
    case BodyKind::none:
      text = "none";
      break;
    case BodyKind::length:
      text = "length " + std::to_string(framing->content_length);
      break;
    case BodyKind::chunked:
      text = "chunked";
      break;
    case BodyKind::until_close:
      text = "until close";
      break;
  }
  if (framing->announces_length) {
    text += ", announces " + std::to_string(framing->content_length);
  }
  return text + (framing->doubtful ? ", doubtful" : "");
}

// One field with this value, or none for the empty text.
FramingFields fields(std::string_view length, std::string_view coding) {
  FramingFields made;
  made.lengths = length.empty() ? 0 : 1;
  made.length = length;
  made.codings = coding.empty() ? 0 : 1;
  made.coding = coding;
  return made;
}

const std::string bad_request = "http_request_error";
const std::string bad_answer = "http_protocol_error";

TEST(ContentLength, IsDigitsUpToTheLargestSignedNumber) {
  EXPECT_EQ(read_length("0"), "0");
  EXPECT_EQ(read_length("005"), "5");
  EXPECT_EQ(read_length("9223372036854775807"), "9223372036854775807");
  for (const std::string_view text :
       {"", "9223372036854775808", "18446744073709551616", "18446744073709551621",
        "00000000000000000005", "+5", "-0", "0x5", "5 5", "5,5", ",5", "5,", "5.0", "5a", " 5",
        "5\t", "\xef\xbc\x95"}) {
    EXPECT_EQ(read_length(text), bad_request) << text;
  }
}

TEST(RequestFraming, IsDecidedByTheFieldsWhateverTheMethod) {
  EXPECT_EQ(describe(frame_request(fields("", ""), Version::http11)), "none");
  EXPECT_EQ(describe(frame_request(fields("0", ""), Version::http11)), "length 0");
  EXPECT_EQ(describe(frame_request(fields("7", ""), Version::http10)), "length 7");
  EXPECT_EQ(describe(frame_request(fields("", "chunked"), Version::http11)), "chunked");
  EXPECT_EQ(describe(frame_request(fields("", "ChUnKeD"), Version::http11)), "chunked");
}

TEST(RequestFraming, RefusesTwoWaysToTellTheEnd) {
  EXPECT_EQ(describe(frame_request(fields("6", "chunked"), Version::http11)), bad_request);
  EXPECT_EQ(describe(frame_request(fields("6", "identity"), Version::http11)), bad_request);
  FramingFields twice = fields("5", "");
  twice.lengths = 2;
  EXPECT_EQ(describe(frame_request(twice, Version::http11)), bad_request);
  twice = fields("", "chunked");
  twice.codings = 2;
  EXPECT_EQ(describe(frame_request(twice, Version::http11)), bad_request);
}

TEST(RequestFraming, RefusesChunksInHttp10) {
  EXPECT_EQ(describe(frame_request(fields("", "chunked"), Version::http10)), bad_request);
}

TEST(RequestFraming, TellsAnUnknownCodingFromNonsense) {
  const std::string unknown = "http_request_transfer_coding";
  for (const std::string_view coding :
       {"gzip, chunked", "x-gzip,chunked", "deflate, gzip, Chunked", "compress, , chunked"}) {
    EXPECT_EQ(describe(frame_request(fields("", coding), Version::http11)), unknown) << coding;
  }
  for (const std::string_view coding :
       {"xchunked", "chunkedx", "gzip", "identity", "identity, chunked", "chunked, chunked",
        "chunked,", ",chunked", "chunked, gzip", "chunked;q=1", "chunked foo", "chun ked",
        "\"chunked\"",
        "\xa0"
        "chunked",
        "gzip, chunked, chunked", "gzip chunked"}) {
    EXPECT_EQ(describe(frame_request(fields("", coding), Version::http11)), bad_request) << coding;
  }
  FramingFields empty;
  empty.codings = 1;
  EXPECT_EQ(describe(frame_request(empty, Version::http11)), bad_request);
}

TEST(ResponseFraming, FollowsTheStatusAndTheMethod) {
  const struct {
    int status;
    Method method;
    std::string_view length;
    std::string_view coding;
    std::string_view expected;
  } rows[] = {
      {200, Method::get, "5", "", "length 5"},
      {200, Method::get, "0", "", "length 0"},
      {200, Method::get, "", "chunked", "chunked"},
      {200, Method::get, "", "", "until close"},
      {999, Method::post, "", "", "until close"},
      {404, Method::head, "5", "", "none, announces 5"},
      {200, Method::head, "", "chunked", "none"},
      {200, Method::head, "", "", "none"},
      {304, Method::get, "5", "", "none, announces 5"},
      {304, Method::get, "", "", "none"},
      {304, Method::get, "", "chunked", "none, doubtful"},
      {204, Method::get, "", "", "none"},
      {204, Method::get, "0", "", "none"},
      {204, Method::get, "5", "", "none, doubtful"},
      {204, Method::get, "", "chunked", "none, doubtful"},
      {205, Method::get, "0", "", "none, announces 0"},
      {205, Method::get, "2", "", "none, announces 0, doubtful"},
      {205, Method::get, "", "chunked", "none, announces 0, doubtful"},
      {205, Method::get, "", "", "none, announces 0, doubtful"},
      {100, Method::get, "", "", "none"},
      {103, Method::head, "", "", "none"},
      {103, Method::get, "0", "", bad_answer},
      {100, Method::get, "", "chunked", bad_answer},
      {200, Method::get, "5", "chunked", bad_answer},
      {200, Method::head, "5", "chunked", bad_answer},
      {204, Method::get, "5", "chunked", bad_answer},
      {200, Method::get, "", "gzip", bad_answer},
      {200, Method::get, "", "gzip, chunked", bad_answer},
      {200, Method::get, "", "identity", bad_answer},
      {200, Method::get, "+5", "", bad_answer},
      {200, Method::head, "99999999999999999999", "", bad_answer},
      {304, Method::get, "5, 5", "", bad_answer},
  };
  for (const auto& row : rows) {
    const AnswerContext context{Version::http11, row.status, row.method};
    EXPECT_EQ(describe(frame_response(fields(row.length, row.coding), context)), row.expected)
        << row.status << " length '" << row.length << "' coding '" << row.coding << "'";
  }
}

TEST(ResponseFraming, OfHttp10KnowsNeitherChunksNorInterimAnswers) {
  const AnswerContext final_answer{Version::http10, 200, Method::get};
  EXPECT_EQ(describe(frame_response(fields("", "chunked"), final_answer)), bad_answer);
  EXPECT_EQ(describe(frame_response(fields("5", ""), final_answer)), "length 5");
  const AnswerContext interim{Version::http10, 100, Method::get};
  EXPECT_EQ(describe(frame_response(fields("", ""), interim)), bad_answer);
}

TEST(ResponseFraming, RefusesDuplicates) {
  const AnswerContext context{Version::http11, 200, Method::get};
  FramingFields twice = fields("5", "");
  twice.lengths = 2;
  EXPECT_EQ(describe(frame_response(twice, context)), bad_answer);
  twice = fields("", "chunked");
  twice.codings = 2;
  EXPECT_EQ(describe(frame_response(twice, context)), bad_answer);
}

}  // namespace
}  // namespace holdfast::http1
