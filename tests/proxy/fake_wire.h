#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/stream.h"

namespace holdfast {

// One connection as the kernel sees it: what came from the far side, which is the test, and what
// was written to it. Outlives the streams at its near end: it moves from one to another with its
// descriptor.
struct Wire {
  static constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();

  // From the far side.
  std::string arrived;  // not read yet
  bool end_arrived = false;
  int broken = 0;  // an errno value: the far side has sent a reset
  std::optional<int> connect_result;

  // To the far side.
  std::string written;
  std::size_t room = endless;  // bytes that the kernel still takes
  bool takes_no_write = false;
  std::size_t writes_left = endless;  // then takes_no_write
  bool end_seen = false;
  bool closed = false;
  bool reset_seen = false;  // a reset, or a close that the kernel makes a reset: bytes were unread
  bool reading = false;     // the near side reads
  std::size_t pending_bytes = 0;
  std::size_t most_pending_bytes = 0;

  std::string address;
  std::string source;   // where the connection comes from, if that was chosen
  unsigned worker = 0;  // at whose end it is
};

// How the far side of all connections behaves, and what there was of them.
class FakeNetwork {
 public:
  enum class Connects { at_once, when_told };
  struct Policy {
    Connects connects = Connects::at_once;
    int refuses_now = 0;    // an errno value that connect() returns; of a source address likewise
    int refuses_later = 0;  // one that on_connected brings
  };

  [[nodiscard]] Policy& policy(const std::string& address) { return policies_[address]; }

  [[nodiscard]] Wire& new_client() { return clients_.emplace_back(); }
  [[nodiscard]] Wire& new_backend(const std::string& address) {
    Wire& made = backends_.emplace_back();
    made.address = address;
    return made;
  }
  [[nodiscard]] std::deque<Wire>& backends() { return backends_; }
  [[nodiscard]] std::deque<Wire>& clients() { return clients_; }

  [[nodiscard]] int put_aside(Wire& wire) {
    moving_[++last_descriptor_] = &wire;
    if (on_put_aside) {
      on_put_aside(wire);
    }
    return last_descriptor_;
  }
  [[nodiscard]] Wire* take_up(int descriptor) {
    const auto found = moving_.find(descriptor);
    Wire* wire = found == moving_.end() ? nullptr : found->second;
    moving_.erase(descriptor);
    return wire;
  }
  [[nodiscard]] std::size_t moving() const { return moving_.size(); }

  // From now on reads and writes are cut anywhere and come late, as the seed will have it.
  void storm(std::uint64_t seed) { weather_.emplace(seed); }
  [[nodiscard]] bool calm() const { return !weather_; }
  [[nodiscard]] std::size_t random(std::size_t below) {
    return below == 0 || !weather_ ? 0 : (*weather_)() % below;
  }

  // At most so many bytes per read.
  std::size_t read_bytes = std::size_t{64} * 1024;
  bool detach_fails = false;
  // What happens while a connection is between two workers.
  std::function<void(Wire&)> on_put_aside;

 private:
  std::deque<Wire> clients_;
  std::deque<Wire> backends_;
  std::map<std::string, Policy> policies_;
  std::map<int, Wire*> moving_;
  int last_descriptor_ = 1000;
  std::optional<std::mt19937_64> weather_;
};

// The near end of a wire, as TcpStream is for a socket: the same order of events, the same checks.
class FakeStream final : public Stream {
 public:
  FakeStream(FakeNetwork& network, StreamEvents& events, unsigned worker)
      : network_(network), events_(events), worker_(worker) {}
  FakeStream(const FakeStream&) = delete;
  FakeStream& operator=(const FakeStream&) = delete;
  ~FakeStream() { check(closed_told_, "a stream is destroyed before it is closed"); }

  void join(Wire& wire) {
    wire_ = &wire;
    wire.worker = worker_;
  }

  int adopt(int descriptor) override {
    Wire* found = network_.take_up(descriptor);
    if (found == nullptr) {
      return EBADF;
    }
    join(*found);
    return 0;
  }

  int connect(const SocketAddress& to, const ConnectFrom& from) override {
    const FakeNetwork::Policy& policy = network_.policy(to.text());
    if (policy.refuses_now != 0) {
      return policy.refuses_now;
    }
    const std::string source = from.address == nullptr ? "" : from.address->text();
    if (const int failed = network_.policy(source).refuses_now; failed != 0) {
      return failed;
    }
    join(network_.new_backend(to.text()));
    wire_->source = source;
    connecting_ = true;
    if (policy.connects == FakeNetwork::Connects::at_once || policy.refuses_later != 0) {
      wire_->connect_result = policy.refuses_later;
    }
    return 0;
  }

  bool read_now() override { return read_once(); }
  void start_reading() override { set_reading(!closing_ && !broken_told_ && !end_told_); }
  void pause_reading() override { set_reading(false); }

  WriteOutcome write(std::span<const std::string_view> parts) override {
    check(parts.size() <= max_parts, "a write of too many parts");
    if (closing_ || broken_told_) {
      return WriteOutcome::broken;
    }
    wire_->takes_no_write |= wire_->writes_left == 0;
    if (wire_->broken != 0 || wire_->takes_no_write) {
      return WriteOutcome::broken;
    }
    --wire_->writes_left;
    std::string all;
    for (const std::string_view part : parts) {
      all += part;
    }
    const std::size_t taken = pending_.empty() ? take(all) : 0;
    check(all.size() - taken <= max_kept_bytes, "a write of too many bytes");
    pending_ += all.substr(taken);
    note_pending();
    return pending_.empty() ? WriteOutcome::written : WriteOutcome::pending;
  }
  std::size_t pending_bytes() const override { return pending_.size(); }

  void shut_down() override {
    ending_ = true;
    end_if_due();
  }
  void close() override {
    if (!closing_) {
      closing_ = true;
      reading_ = false;
      if (wire_ != nullptr) {
        wire_->closed = true;
        wire_->reading = false;
        wire_->pending_bytes = 0;
        wire_->reset_seen |= !wire_->arrived.empty();
      }
    }
  }
  // As in TcpStream: there is no reset behind a shutdown.
  void reset() override {
    if (!closing_ && wire_ != nullptr && !ending_) {
      wire_->reset_seen = true;
    }
    close();
  }

  bool drained() const override { return drained_; }
  bool quiet() const override {
    return wire_->arrived.empty() && !wire_->end_arrived && wire_->broken == 0;
  }

  int detach() override {
    check(pending_.empty(), "a stream is detached while something is pending");
    int descriptor = -1;
    if (!closing_ && !network_.detach_fails) {
      wire_->reading = false;
      descriptor = network_.put_aside(*wire_);
      wire_ = nullptr;
    }
    close();
    return descriptor;
  }

  // Tells what is due in one turn of the loop; false if nothing was.
  [[nodiscard]] bool turn() {
    if (closing_ || wire_ == nullptr) {
      return false;
    }
    if (connecting_) {
      if (!wire_->connect_result) {
        return false;
      }
      connecting_ = false;
      events_.on_connected(*wire_->connect_result);
      return true;
    }
    if (network_.random(4) == 1) {
      return readable() || !pending_.empty();  // later
    }
    const bool read = reading_ && read_once();
    return flush() || read;
  }

  [[nodiscard]] bool closing() const { return closing_; }
  // The last event; the owner releases the stream during it.
  void tell_closed() {
    closed_told_ = true;
    events_.on_closed();
  }

 private:
  [[nodiscard]] bool readable() const {
    return reading_ && (!wire_->arrived.empty() || wire_->broken != 0 || wire_->end_arrived);
  }

  bool read_once() {
    if (!wire_->arrived.empty()) {
      std::size_t count = std::min(wire_->arrived.size(), network_.read_bytes);
      count = std::max<std::size_t>(1, network_.calm() ? count : network_.random(count + 1));
      // A copy of its exact size, so that the sanitizer sees whoever keeps a view of it.
      const std::vector<char> bytes(wire_->arrived.begin(),
                                    wire_->arrived.begin() + static_cast<std::ptrdiff_t>(count));
      wire_->arrived.erase(0, count);
      drained_ = wire_->arrived.empty();
      events_.on_bytes({bytes.data(), bytes.size()});
      return true;
    }
    if (broken_told_) {
      return false;
    }
    if (wire_->broken != 0) {
      report();
      return true;
    }
    if (wire_->end_arrived && !end_told_) {
      end_told_ = true;
      set_reading(false);
      events_.on_end();
      return true;
    }
    return false;
  }

  void report() {
    broken_told_ = true;
    set_reading(false);
    events_.on_broken(wire_->broken);
  }

  // Gives the kernel as much as it takes.
  [[nodiscard]] std::size_t take(std::string_view bytes) {
    std::size_t count = std::min(bytes.size(), wire_->room);
    if (!network_.calm() && network_.random(2) == 1) {
      count = network_.random(count + 1);
    }
    wire_->written += bytes.substr(0, count);
    if (wire_->room != Wire::endless) {
      wire_->room -= count;
    }
    return count;
  }

  bool flush() {
    if (closing_ || wire_ == nullptr || pending_.empty()) {
      return false;
    }
    if (wire_->broken != 0 || wire_->takes_no_write) {
      if (!broken_told_) {
        wire_->broken = wire_->broken != 0 ? wire_->broken : EPIPE;
        report();
        return true;
      }
      return false;
    }
    const std::size_t taken = take(pending_);
    pending_.erase(0, taken);
    note_pending();
    if (pending_.empty()) {
      end_if_due();
      events_.on_drained();
    }
    return taken > 0 || (!network_.calm() && wire_->room > 0);
  }

  void end_if_due() {
    if (ending_ && pending_.empty() && !closing_) {
      wire_->end_seen = true;
    }
  }
  void note_pending() {
    wire_->pending_bytes = pending_.size();
    wire_->most_pending_bytes = std::max(wire_->most_pending_bytes, pending_.size());
  }
  void set_reading(bool reading) {
    reading_ = reading;
    if (wire_ != nullptr) {
      wire_->reading = reading;
    }
  }

  FakeNetwork& network_;
  StreamEvents& events_;
  Wire* wire_ = nullptr;
  std::string pending_;
  unsigned worker_;
  bool reading_ = false;
  bool drained_ = true;
  bool connecting_ = false;
  bool ending_ = false;
  bool closing_ = false;
  bool closed_told_ = false;
  bool end_told_ = false;
  bool broken_told_ = false;
};

// The streams of one worker.
class FakeStreams final : public StreamFactory {
 public:
  FakeStreams(FakeNetwork& network, unsigned worker) : network_(network), worker_(worker) {}

  Stream& make(StreamEvents& events) override {
    streams_.push_back(std::make_unique<FakeStream>(network_, events, worker_));
    return *streams_.back();
  }
  void release(Stream& stream) override {
    check(std::erase_if(streams_, [&](const auto& one) { return one.get() == &stream; }) == 1,
          "a stream is released that is none");
  }
  [[nodiscard]] std::size_t in_use() const { return streams_.size(); }

  // One turn of the loop, closings last as in libuv; false if there was nothing to tell.
  [[nodiscard]] bool turn() {
    bool told = false;
    // Those that are made meanwhile have their first turn next time. None goes in this half.
    for (std::size_t i = 0, count = streams_.size(); i < count; ++i) {
      told |= streams_[i]->turn();
    }
    closing_.clear();
    for (const auto& stream : streams_) {
      if (stream->closing()) {
        closing_.push_back(stream.get());
      }
    }
    // Each goes by itself.
    for (FakeStream* stream : closing_) {
      stream->tell_closed();
    }
    return told || !closing_.empty();
  }

 private:
  FakeNetwork& network_;
  std::vector<std::unique_ptr<FakeStream>> streams_;
  std::vector<FakeStream*> closing_;  // of the turn; kept for its room
  unsigned worker_;
};

}  // namespace holdfast
