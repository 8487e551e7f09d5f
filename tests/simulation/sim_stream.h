#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/stream.h"
#include "simulation/wire.h"

namespace holdfast {

class SimStream;

// What the streams of all workers share: the choices, and who makes connections.
class SimNetwork {
 public:
  explicit SimNetwork(SimRandom& its_random) : random(its_random) {}

  // Joins the stream to a new wire, or returns an errno value.
  virtual int on_connect(SimStream& stream, const SocketAddress& to) = 0;
  // For whoever follows a run step by step.
  virtual void on_near_end(const SimWire& wire, std::string_view what) = 0;

  [[nodiscard]] int put_aside(SimWire& wire) {
    moving_[++last_descriptor_] = &wire;
    return last_descriptor_;
  }
  [[nodiscard]] SimWire* take_up(int descriptor) {
    const auto found = moving_.find(descriptor);
    SimWire* wire = found == moving_.end() ? nullptr : found->second;
    moving_.erase(descriptor);
    return wire;
  }
  [[nodiscard]] std::size_t moving() const { return moving_.size(); }

  SimRandom& random;
  std::size_t short_writes = 0;     // so many of a hundred
  std::size_t failed_detaches = 0;  // likewise
  std::size_t failed_adoptions = 0;

 protected:
  ~SimNetwork() = default;

 private:
  std::map<int, SimWire*> moving_;
  int last_descriptor_ = 1000;
};

// The near end of a wire, as TcpStream is for a socket: the same order of events, the same checks.
class SimStream final : public Stream {
 public:
  SimStream(SimNetwork& network, StreamEvents& events) : network_(network), events_(events) {}
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;
  ~SimStream() { check(closed_told_, "a stream is destroyed before it is closed"); }

  void join(SimWire& wire) {
    wire_ = &wire;
    wire.near = this;
  }
  void expect_connected() { connecting_ = true; }

  int adopt(int descriptor) override;
  int connect(const SocketAddress& to, const ConnectFrom&) override {
    return network_.on_connect(*this, to);
  }
  bool read_now() override { return readable() && read_once(); }
  void start_reading() override { reading_ = !closing_ && !broken_told_ && !end_told_; }
  void pause_reading() override { reading_ = false; }
  WriteOutcome write(std::span<const std::string_view> parts) override;
  std::size_t pending_bytes() const override { return pending_.size(); }
  void shut_down() override;
  void close() override;
  void reset() override;
  bool drained() const override { return drained_; }
  bool quiet() const override;
  int detach() override;

  // Something can be told now.
  [[nodiscard]] bool ready() const;
  // Tells it.
  void turn();
  [[nodiscard]] bool closing() const { return closing_; }
  // The last event; the owner releases the stream during it.
  void tell_closed() {
    closed_told_ = true;
    events_.on_closed();
  }
  // Null while it has none, or has none any more.
  [[nodiscard]] SimWire* wire() const { return wire_; }
  [[nodiscard]] bool reading() const { return reading_; }

 private:
  friend class SimStreams;

  [[nodiscard]] bool readable() const {
    return wire_->arrived > 0 || (wire_->end_arrived && !end_told_) ||
           (wire_->broken != 0 && !broken_told_ && !end_told_);
  }
  [[nodiscard]] bool writable() const {
    return !pending_.empty() && !broken_told_ && (wire_->broken != 0 || wire_->room() > 0);
  }
  bool read_once();
  void flush();
  void report();
  std::size_t take(std::string_view bytes);
  void end_if_due();

  SimNetwork& network_;
  StreamEvents& events_;
  SimWire* wire_ = nullptr;
  ByteQueue pending_;
  std::size_t place_ = 0;  // among the streams of its worker
  bool reading_ = false;
  bool drained_ = true;
  bool connecting_ = false;
  bool ending_ = false;
  bool closing_ = false;
  bool closed_told_ = false;
  bool end_told_ = false;
  bool broken_told_ = false;
};

// The streams of one worker, and its loop as far as it is about streams.
class SimStreams final : public StreamFactory {
 public:
  explicit SimStreams(SimNetwork& network) : network_(network) {}

  Stream& make(StreamEvents& events) override;
  void release(Stream& stream) override;
  [[nodiscard]] std::size_t in_use() const { return streams_.size(); }
  // Of all streams, what is kept for the kernel.
  [[nodiscard]] std::size_t pending_bytes() const;

  // Asks which streams have something to tell; tell_next() then tells of them one by one, in any
  // order, as a loop does between two polls.
  void poll();
  [[nodiscard]] bool tell_next();
  // The end of a turn: whoever is closing hears of it.
  bool tell_closed();
  [[nodiscard]] bool anything_ready() const;

 private:
  SimNetwork& network_;
  std::vector<std::unique_ptr<SimStream>> streams_;
  std::vector<SimStream*> batch_;
};

}  // namespace holdfast
