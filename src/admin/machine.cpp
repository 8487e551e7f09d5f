#include "admin/machine.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "ports/ephemeral_range.h"
#include "ports/proc_file.h"

namespace holdfast {
namespace {

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t number = 0;
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

// The number behind the first `mark`.
std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == std::string_view::npos ? std::nullopt : number_at(text.substr(at + mark.size()));
}

struct CloseFolder {
  // Nothing was written that closing could lose.
  void operator()(DIR* folder) const { static_cast<void>(::closedir(folder)); }
};

std::optional<std::uint64_t> count_descriptors() {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir("/proc/self/fd"));
  if (folder == nullptr) {
    return std::nullopt;
  }
  std::uint64_t entries = 0;
  while (::readdir(folder.get()) != nullptr) {
    ++entries;
  }
  return entries < 3 ? 0 : entries - 3;  // without ".", ".." and the folder itself
}

std::optional<double> read_start() {
  const auto stat = read_proc_file("/proc/self/stat");
  const auto boot = read_proc_file("/proc/stat");
  if (!stat || !boot) {
    return std::nullopt;
  }
  const auto ticks = start_ticks_of(*stat);
  const auto booted = number_behind(*boot, "\nbtime ");
  const long per_second = ::sysconf(_SC_CLK_TCK);
  if (!ticks || !booted || per_second <= 0) {
    return std::nullopt;
  }
  return static_cast<double>(*booted) +
         static_cast<double>(*ticks) / static_cast<double>(per_second);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::optional<std::uint64_t> time_wait_of(std::string_view sockstat) {
  const std::size_t line = sockstat.find("TCP:");
  return line == std::string_view::npos ? std::nullopt
                                        : number_behind(sockstat.substr(line), " tw ");
}

std::optional<std::uint64_t> start_ticks_of(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = stat.substr(name_end + 1);
  constexpr int from_third_to_22nd = 19;  // the third word is the first behind the name
  for (int i = 0; i < from_third_to_22nd; ++i) {
    const std::size_t blank = rest.find(' ', 1);
    if (blank == std::string_view::npos) {
      return std::nullopt;
    }
    rest.remove_prefix(blank);
  }
  return number_at(rest);
}

const MachineFigures& Machine::figures(TimePoint now) {
  if (!read_at_ || now - *read_at_ >= keep) {
    read_at_ = now;
    read_files();
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    figures_.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  }
  return figures_;
}

void Machine::read_files() {
  figures_.open_descriptors = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    figures_.max_descriptors = limit.rlim_cur;
  }
  if (const auto statm = read_proc_file("/proc/self/statm")) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto pages = number_at(*statm);
    const auto resident = number_behind(*statm, " ");
    figures_.virtual_bytes = pages ? std::optional(*pages * page) : std::nullopt;
    figures_.resident_bytes = resident ? std::optional(*resident * page) : std::nullopt;
  }
  if (!figures_.start_seconds) {
    figures_.start_seconds = read_start();
  }
  const auto sockstat = read_proc_file("/proc/self/net/sockstat");
  figures_.time_wait_sockets = sockstat ? time_wait_of(*sockstat) : std::nullopt;
  const auto range = EphemeralRange::read();
  figures_.ephemeral_ports = range ? std::optional<std::uint64_t>(range->size()) : std::nullopt;
}

}  // namespace holdfast
