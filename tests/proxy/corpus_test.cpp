// Every row of the corpus through the proxy over fake streams, where each split is exactly what is
// read: whole, one byte at a time and in two at every byte, as the first and as the second message,
// over a fresh and over a reused backend connection, before backends of both versions. After each a
// canary of another client gets its own answer. The README in tests/corpus says what a row means.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/corpus_messages.h"
#include "proxy/corpus_rows.h"
#include "proxy/fake_world.h"

namespace holdfast {
namespace {

using corpus::Due;
using corpus::Has;
using corpus::lower;
using corpus::Message;
using corpus::Row;
using corpus::take_message;

// A slow build plays one split in eleven, and test_corpus.py all with the release program.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
constexpr std::size_t share = 11;
#else
constexpr std::size_t share = 1;
#endif

constexpr std::size_t whole = 0;
constexpr std::size_t byte_by_byte = std::string::npos;

// One performance of a row.
struct Performance {
  const Row* row;
  std::size_t cut;
  bool second;
  bool reused;
};

std::ostream& operator<<(std::ostream& out, const Performance& run) {
  out << run.row->id;
  if (run.cut == whole) {
    out << " whole";
  } else if (run.cut == byte_by_byte) {
    out << " byte by byte";
  } else {
    out << " split at " << run.cut;
  }
  return out << (run.second ? " second" : " first") << (run.reused ? " reused" : " fresh");
}

// A proxy with a backend that answers at once, each time with where the request has come to it.
class Stage : public ProxyTest {
 public:
  Stage(ProtocolChoice protocol, std::uint64_t max_body) {
    upstream.protocol = protocol;
    listener.limits.body = max_body;
  }
  void TestBody() override {}
  void end() { TearDown(); }

  void perform(const Performance& run) {
    if (run.reused) {
      warm();
    } else {
      clear();
    }
    run.row->is_request() ? play_request(run) : play_answer(run);
  }

 private:
  struct Seen {
    std::string tag;
    Message message;
  };
  // A connection of the backend's.
  struct Served {
    Far* far;
    std::string rest;  // of a request that is not whole
    std::size_t requests = 0;
  };

  // Takes up what has come to the backend, and answers it.
  void pump() {
    for (std::size_t i = 0; i < served_.size() || served_.size() < backends(); ++i) {
      if (i == served_.size()) {
        served_.push_back({&backend(i), {}});
      }
      served_[i].rest += served_[i].far->got();
      while (auto request = take_message(served_[i].rest, Has::body)) {
        answer(i, *request);
        served_[i].rest += served_[i].far->got();
        i = 0;  // an answer may have let others come
      }
    }
  }

  void answer(std::size_t number, const Message& request) {
    Served& by = served_[number];
    const std::vector<std::string> words = corpus::split(request.start, " ");
    ASSERT_EQ(words.size(), 3U) << request.start;
    const std::string tag = std::to_string(number) + "." + std::to_string(++by.requests) + " " +
                            words[0] + " " + words[1];
    seen_.push_back({tag, request});
    if (words[1] == "/answer-of-the-play") {
      asked_ = number;
      return;
    }
    by.far->sends("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: " +
                  std::to_string(tag.size()) + "\r\n\r\n" + (words[0] == "HEAD" ? "" : tag));
  }

  // No backend connection is left.
  void clear() {
    for (std::size_t i = 0; i < backends(); ++i) {
      if (!backend(i).wire.closed) {
        backend(i).ends();
      }
    }
    pump();
  }

  void warm() {
    const auto used = [](const Served& one) { return one.requests > 0 && !one.far->wire.closed; };
    if (std::ranges::count_if(served_, used) != 1) {
      clear();
      canary();
    }
  }

  // A good request of this client gets its own answer; gives the backend's connection.
  std::size_t ask(Far& client, std::string_view target) {
    const std::size_t before = seen_.size();
    client.sends(get_of(target));
    pump();
    std::string got = client.got();
    const auto answer = take_message(got, Has::body);
    EXPECT_TRUE(answer && got.empty()) << got;
    if (!answer || seen_.size() != before + 1) {
      ADD_FAILURE() << "the backend saw " << seen_.size() - before << " requests";
      return byte_by_byte;
    }
    const Seen asked = seen_.back();
    seen_.pop_back();
    EXPECT_EQ(asked.tag.substr(asked.tag.find(' ') + 1), "GET " + std::string(target));
    EXPECT_EQ(answer->body, asked.tag);
    return std::stoul(asked.tag);
  }

  std::size_t canary() {
    if (canary_ == nullptr) {
      canary_ = &client();
    }
    return ask(*canary_, "/canary/" + std::to_string(++canaries_));
  }

  void send(Far& far, const Performance& run) {
    const std::string_view bytes = run.row->bytes;
    if (run.cut == byte_by_byte) {
      for (const char c : bytes) {
        send_piece(far, {&c, 1});
      }
    } else {
      send_piece(far, bytes.substr(0, run.cut == whole ? bytes.size() : run.cut));
      send_piece(far, run.cut == whole ? std::string_view() : bytes.substr(run.cut));
    }
  }
  void send_piece(Far& far, std::string_view piece) {
    if (!piece.empty() && !far.wire.closed && !far.wire.end_seen) {
      far.sends(piece);
      pump();
    }
  }

  static void compare(const Message& message, const Due& due, bool old) {
    EXPECT_EQ(message.body, due.body);
    EXPECT_TRUE(message.start.starts_with(due.start)) << message.start;
    for (const auto& [name, value] : due.present) {
      if (name == "x-forwarded-for" || (old && name == "transfer-encoding")) {
        continue;  // the address of a fake client
      }
      EXPECT_THAT(message.values(name), testing::Contains(value)) << name;
    }
    for (const std::string& name : due.absent) {
      if (!old || name != "connection") {
        EXPECT_THAT(message.values(name), testing::IsEmpty()) << name;
      }
    }
  }

  void play_request(const Performance& run) {
    const Row& row = *run.row;
    Far& far = client();
    if (run.second) {
      ask(far, "/first");
    }
    seen_.clear();
    send(far, run);
    std::string got = far.got();
    if (row.verdict == "wait") {
      EXPECT_TRUE(got.empty() || got == http1::continue_answer) << got;
      EXPECT_TRUE(far.open());
    } else {
      hear_answers(far, row, got);
    }
    canary();
    if (!far.wire.closed) {
      far.ends();
    }
    judge_backend(row);
  }

  void hear_answers(Far& far, const Row& row, std::string& got) {
    const std::vector<Due>& due = row.forwarded;
    const std::vector<std::string>& statuses = row.statuses;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      const bool refused = statuses[i] != "ok";
      const bool head =
          refused ? i == 0 && row.bytes.starts_with("HEAD") : due.at(i).start.starts_with("HEAD");
      auto answer = take_message(got, head ? Has::no_body : Has::body);
      while (answer && answer->start == "HTTP/1.1 100 Continue" &&
             lower(row.bytes).find("expect:") != std::string::npos) {
        answer = take_message(got, head ? Has::no_body : Has::body);
      }
      ASSERT_TRUE(answer) << "no answer " << statuses[i] << " but " << got;
      const std::string status = answer->start.substr(9, 3);
      EXPECT_EQ(status, refused ? statuses[i] : "200");
      if (refused) {
        EXPECT_THAT(answer->values("connection"), testing::ElementsAre("close"));
      } else {
        ASSERT_LT(i, seen_.size());
        EXPECT_EQ(answer->body, head ? "" : seen_[i].tag);
      }
    }
    EXPECT_EQ(got, "");
    if (statuses.back() != "ok" || row.verdict.ends_with("close")) {
      EXPECT_FALSE(far.open());
      EXPECT_FALSE(far.cut());
    } else {
      ask(far, "/after");
    }
  }

  void judge_backend(const Row& row) {
    const std::vector<Due>& due = row.forwarded;
    ASSERT_EQ(seen_.size(), due.size());
    for (std::size_t i = 0; i < due.size(); ++i) {
      compare(seen_[i].message, due[i], upstream.protocol == ProtocolChoice::http10);
    }
    for (Served& one : served_) {
      if (row.after == "-") {
        EXPECT_EQ(one.rest, "");
      }
      EXPECT_TRUE(one.rest.empty() || one.far->wire.closed) << one.rest;
      one.rest.clear();
    }
  }

  void play_answer(const Performance& run) {
    const Row& row = *run.row;
    Far& far = client();
    if (run.second) {
      ask(far, "/first");
    }
    seen_.clear();
    const bool head = row.kind.starts_with('H');
    far.sends((head ? "HEAD" : "GET") +
              std::string(" /answer-of-the-play HTTP/1.1\r\nHost: a\r\n\r\n"));
    pump();
    ASSERT_TRUE(asked_);
    const std::size_t number = *asked_;
    asked_.reset();
    seen_.clear();
    Far& by = *served_[number].far;
    send(by, run);
    if (row.ends() && !by.wire.closed) {
      by.ends();
    }
    hear_delivery(far, row, head);
    const std::size_t used = canary();
    EXPECT_EQ(seen_.size(), 0U);
    if (row.after == "keep") {
      EXPECT_EQ(used, number);
      EXPECT_FALSE(by.wire.closed);
    } else {
      EXPECT_NE(used, number);
      if (!by.wire.closed) {
        by.ends();
      }
      EXPECT_TRUE(by.wire.closed);
    }
    if (!far.wire.closed) {
      far.ends();
    }
  }

  void hear_delivery(Far& far, const Row& row, bool head) {
    const std::vector<std::string>& statuses = row.statuses;
    std::string got = far.got();
    if (row.verdict.ends_with(" cut")) {
      EXPECT_TRUE(got.starts_with("HTTP/1.1 " + statuses[0])) << got;
      EXPECT_FALSE(take_message(got, Has::body)) << "what is cut looks whole";
      EXPECT_TRUE(far.cut());
      return;
    }
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      const char* bodiless[] = {"1", "204", "304"};
      const std::string_view status = statuses[i];
      const bool none = head || std::ranges::any_of(bodiless, [status](const char* begin) {
                          return status.starts_with(begin);
                        });
      const auto answer = take_message(got, none ? Has::no_body : Has::body);
      ASSERT_TRUE(answer) << got;
      EXPECT_EQ(answer->start.substr(9, 3), statuses[i]);
      if (i + 1 == statuses.size() && statuses[i] != "502") {
        compare(*answer, row.last_answer, false);
      }
    }
    EXPECT_EQ(got, "");
    ask(far, "/after");
  }

  std::vector<Served> served_;
  std::vector<Seen> seen_;
  std::optional<std::size_t> asked_;
  Far* canary_ = nullptr;
  std::size_t canaries_ = 0;
};

// Long messages are split near both ends and at every 509th place between, the longest not at all.
std::vector<std::size_t> cuts_of(const Row& row) {
  constexpr std::size_t long_bytes = 1500;
  constexpr std::size_t endless_bytes = 100'000;
  constexpr std::size_t slow_bytes = 5000;  // more are not given one at a time
  constexpr std::size_t near_bytes = 32;
  const std::size_t size = row.bytes.size();
  std::vector<std::size_t> cuts = {whole};
  if (size > endless_bytes) {
    return cuts;
  }
  if (size <= slow_bytes) {
    cuts.push_back(byte_by_byte);
  }
  for (std::size_t at = 1; at < size; ++at) {
    const bool near = at < near_bytes || at + near_bytes > size || at % 509 == 0;
    if ((size <= long_bytes || near) && (at + size) % share == 0) {
      cuts.push_back(at);
    }
  }
  return cuts;
}

// Plays every row at every cut: at a split one combination and its opposite, by turns, else all
// four.
void perform(const std::vector<Row>& rows, ProtocolChoice protocol, std::uint64_t max_body) {
  std::size_t count = 0;
  for (const Row& row : rows) {
    for (const std::size_t cut : cuts_of(row)) {
      Stage stage(protocol, max_body);
      for (std::size_t combination = 0; combination < 4; ++combination) {
        const bool due = combination == cut % 4 || combination == 3 - cut % 4;
        if (!due && cut != whole && cut != byte_by_byte) {
          continue;
        }
        const Performance run{&row, cut, (combination & 1) != 0, (combination & 2) != 0};
        ++count;
        stage.perform(run);
        EXPECT_FALSE(testing::Test::HasFailure()) << run << " of " << row.verdict;
        if (testing::Test::HasFailure()) {
          break;
        }
      }
      stage.end();
      ASSERT_FALSE(testing::Test::HasFailure()) << row.id;
    }
  }
  testing::Test::RecordProperty("runs", static_cast<int>(count));
  std::cout << count << " runs\n";
}

std::vector<Row> rows_of(const std::string& name) {
  return corpus::read_rows(HOLDFAST_SOURCE_DIR "/tests/corpus/" + name + ".tsv");
}

class Corpus : public testing::TestWithParam<const char*> {};

TEST_P(Corpus, GetsItsVerdictAtEverySplit) {
  perform(rows_of(GetParam()), ProtocolChoice::http11, 0);
}

TEST_P(Corpus, GetsItsVerdictBeforeAnOldBackend) {
  std::vector<Row> rows = rows_of(GetParam());
  std::erase_if(rows,
                [](const Row& row) { return !row.is_request() || row.bytes.size() > 100'000; });
  perform(rows, ProtocolChoice::http10, 0);
}

TEST(CorpusOfBodies, GetsItsVerdictAtEverySplit) {
  perform(rows_of("body_limit"), ProtocolChoice::http11, 1000);
}

// One instance each, so that ctest runs them beside each other.
INSTANTIATE_TEST_SUITE_P(StartLines, Corpus, testing::Values("start_lines"));
INSTANTIATE_TEST_SUITE_P(Fields, Corpus, testing::Values("fields"));
INSTANTIATE_TEST_SUITE_P(Framing, Corpus, testing::Values("framing"));
INSTANTIATE_TEST_SUITE_P(Chunks, Corpus, testing::Values("chunks"));
INSTANTIATE_TEST_SUITE_P(Connections, Corpus, testing::Values("connections"));
INSTANTIATE_TEST_SUITE_P(Legal, Corpus, testing::Values("legal", "refused_though_legal"));
INSTANTIATE_TEST_SUITE_P(Answers, Corpus, testing::Values("answers"));
INSTANTIATE_TEST_SUITE_P(Permutations, Corpus, testing::Values("permutations"));
INSTANTIATE_TEST_SUITE_P(Limits, Corpus, testing::Values("limits"));
INSTANTIATE_TEST_SUITE_P(Pairs, Corpus, testing::Values("pairs"));

}  // namespace
}  // namespace holdfast
