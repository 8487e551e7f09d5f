#include "proxy/balance.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace holdfast {
namespace {

constexpr std::size_t nobody = no_candidate;

// "3 x 0" is three servers: the first has three requests, the second is set aside.
std::vector<Candidate> servers(std::string_view text) {
  std::vector<Candidate> made;
  for (const char c : text) {
    if (c == 'x') {
      made.push_back({.serving = false});
    } else if (c != ' ') {
      made.push_back({.load = static_cast<std::size_t>(c - '0')});
    }
  }
  return made;
}

struct Turn {
  std::string_view servers;
  std::size_t turn;
  std::size_t chosen;
};

void expect(Balance balance, std::initializer_list<Turn> rows) {
  for (const Turn& row : rows) {
    EXPECT_EQ(choose(balance, servers(row.servers), row.turn, 0), row.chosen)
        << '"' << row.servers << "\", turn " << row.turn;
  }
}

TEST(RoundRobin, TakesTheNextInTurnThatServes) {
  expect(Balance::round_robin, {{"", 0, nobody},
                                {"0", 0, 0},
                                {"0", 1, 0},
                                {"x", 0, nobody},
                                {"9 0 0", 0, 0},
                                {"0 0 0", 1, 1},
                                {"0 0 0", 2, 2},
                                {"0 0 0", 3, 0},
                                {"0 0 0", 99, 0},
                                {"0 x 0", 1, 2},
                                {"0 0 x", 2, 0},
                                {"x x 0", 0, 2},
                                {"x x x", 1, nobody}});
}

TEST(LeastConnections, TakesTheLeastLoadedThatServesAndOfEqualsTheOneWhoseTurnItIs) {
  expect(Balance::least_connections, {{"", 0, nobody},
                                      {"5", 0, 0},
                                      {"x", 0, nobody},
                                      {"2 1 3", 0, 1},
                                      {"2 1 3", 2, 1},
                                      {"1 1 1", 0, 0},
                                      {"1 1 1", 1, 1},
                                      {"1 1 1", 3, 0},
                                      {"1 2 1", 1, 2},
                                      {"1 2 1", 99, 0},
                                      {"1 x 1", 1, 2},
                                      {"4 x 5", 2, 0},
                                      {"x x x", 0, nobody}});
}

TEST(RandomTwo, TakesWhoServes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(choose(Balance::random_two, servers("x x 7 x"), 0, random()), 2U);
    EXPECT_NE(choose(Balance::random_two, servers("0 x 0 0"), 0, random()), 1U);
  }
  EXPECT_EQ(choose(Balance::random_two, servers(""), 0, random()), nobody);
  EXPECT_EQ(choose(Balance::random_two, servers("x x"), 0, random()), nobody);
}

TEST(RandomTwo, TakesTheLessLoadedOfTwo) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(choose(Balance::random_two, servers("7 3"), 0, random()), 1U);
    EXPECT_NE(choose(Balance::random_two, servers("1 9 1"), 0, random()), 1U);
  }
}

TEST(RandomTwo, DrawsEachAsOftenAsAnyOther) {
  constexpr int draws = 60'000;
  std::mt19937_64 random(1);
  std::map<std::size_t, int> drawn;
  for (int i = 0; i < draws; ++i) {
    ++drawn[choose(Balance::random_two, servers("0 x 0 0 x 0"), 0, random())];
  }
  ASSERT_EQ(drawn.size(), 4U);
  for (const auto& [server, times] : drawn) {
    EXPECT_NEAR(times, draws / 4, draws / 100) << "server " << server;
  }
}

// Whoever chooses goes on behind the one that was chosen.
std::vector<int> shares(Balance balance, std::string_view text, int requests) {
  const std::vector<Candidate> all = servers(text);
  std::vector<int> got(all.size());
  std::size_t turn = 0;
  for (int i = 0; i < requests; ++i) {
    const std::size_t chosen = choose(balance, all, turn, 0);
    ++got.at(chosen);
    turn = chosen + 1;
  }
  return got;
}

TEST(EqualServers, GetEqualShares) {
  for (const Balance balance : {Balance::round_robin, Balance::least_connections}) {
    EXPECT_EQ(shares(balance, "0 0 0", 300), (std::vector{100, 100, 100}));
  }
}

TEST(EqualServers, GetEqualSharesBesideOneThatIsSetAside) {
  for (const Balance balance : {Balance::round_robin, Balance::least_connections}) {
    EXPECT_EQ(shares(balance, "0 x 0 0", 300), (std::vector{100, 0, 100, 100}));
  }
}

}  // namespace
}  // namespace holdfast
