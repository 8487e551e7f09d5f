// simulate: runs the proxy against simulated clients and backends, one seed after the other.

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "simulation/runs.h"

namespace holdfast {
namespace {

struct Wish {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t exchanges = 1000;  // of each seed
  bool trace = false;
};

constexpr std::string_view usage =
    "usage: simulate [--seed N] [--seeds K] [--exchanges M] [--trace]\n"
    "\n"
    "  --seed N        the first seed (1)\n"
    "  --seeds K       so many seeds, one after the other (1)\n"
    "  --exchanges M   requests of each seed (1000)\n"
    "  --trace         print each step\n";

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

std::optional<Wish> read_wish(int count, char** texts) {
  Wish wish;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = texts[i];
    if (name == "--trace") {
      wish.trace = true;
      continue;
    }
    const auto value = i + 1 < count ? number(texts[++i]) : std::nullopt;
    std::uint64_t* wished = name == "--seed"        ? &wish.seed
                            : name == "--seeds"     ? &wish.seeds
                            : name == "--exchanges" ? &wish.exchanges
                                                    : nullptr;
    if (wished == nullptr || !value) {
      return std::nullopt;
    }
    *wished = *value;
  }
  return wish;
}

int run(const Wish& wish) {
  const auto begin = std::chrono::steady_clock::now();
  SimResult all;
  int failed = 0;
  for (std::uint64_t i = 0; i < wish.seeds; ++i) {
    const SimResult one = simulate_seed(wish.seed + i, wish.exchanges,
                                        wish.trace ? SimWorld::Tells::yes : SimWorld::Tells::no);
    if (!one.broken.empty()) {
      ++failed;
      std::printf("seed %llu: %s\n  repeat: %s\n", static_cast<unsigned long long>(one.seed),
                  one.broken.c_str(), how_to_repeat(one.seed, wish.exchanges).c_str());
    }
    all.add(one);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!wish.trace) {
    print_table(all);
  }
  std::printf(
      "%llu seeds, %llu exchanges, %llu steps in %.1f s (%.0f exchanges/s), digest %016llx\n",
      static_cast<unsigned long long>(wish.seeds), static_cast<unsigned long long>(all.exchanges),
      static_cast<unsigned long long>(all.steps), seconds,
      static_cast<double>(all.exchanges) / seconds, static_cast<unsigned long long>(all.digest));
  std::printf("%d seeds broke a rule\n", failed);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace holdfast

int main(int count, char** texts) {
  const auto wish = holdfast::read_wish(count, texts);
  if (!wish) {
    std::fputs(holdfast::usage.data(), stderr);
    return 2;
  }
  return holdfast::run(*wish);
}
