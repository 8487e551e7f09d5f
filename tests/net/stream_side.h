#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop_thread.h"
#include "net/tcp_stream.h"

namespace holdfast {

enum class StreamEvent { bytes, end, broken, drained, connected, closed };

inline int option_of(int descriptor, int level, int name) {
  int value = -1;
  socklen_t bytes = sizeof(value);
  check(::getsockopt(descriptor, level, name, &value, &bytes) == 0, "a socket has no such option");
  return value;
}

// One side of a connection under test: a stream with an owner that remembers what it hears. Its
// verbs are called by the test and run on the loop; it releases its stream in on_closed.
class StreamSide final : public StreamEvents {
 public:
  explicit StreamSide(LoopThread& thread) : thread_(thread) {
    thread_.run([this] { stream_.emplace(thread_.loop(), *this); });
  }
  StreamSide(const StreamSide&) = delete;
  StreamSide& operator=(const StreamSide&) = delete;
  ~StreamSide() {
    close();
    check(thread_.eventually([this] { return !stream_; }), "a stream was never closed");
  }

  int connect(const SocketAddress& to, const ConnectFrom& from = {}) {
    return thread_.run([&] { return stream_->connect(to, from); });
  }
  int adopt(int descriptor) {
    return thread_.run([&] { return stream_->adopt(descriptor); });
  }
  void read() {
    thread_.run([&] { stream_->start_reading(); });
  }
  void pause() {
    thread_.run([&] { stream_->pause_reading(); });
  }
  WriteOutcome write(const std::vector<std::string_view>& parts) {
    return thread_.run([&] { return stream_->write(parts); });
  }
  WriteOutcome write(std::string_view bytes) { return write(std::vector{bytes}); }
  std::size_t pending_bytes() {
    return thread_.run([&] { return stream_->pending_bytes(); });
  }
  void shut_down() {
    thread_.run([&] { stream_->shut_down(); });
  }
  // Does nothing once the stream has been released.
  void close() {
    thread_.run([&] { stream_ ? stream_->close() : void(); });
  }
  void reset() {
    thread_.run([&] { stream_ ? stream_->reset() : void(); });
  }
  bool quiet() {
    return thread_.run([&] { return is_quiet(); });
  }
  int detach() {
    return thread_.run([&] { return stream_->detach(); });
  }
  // The value of an option of its socket. Ends the stream.
  int option(int level, int name) {
    const int descriptor = detach();
    const int value = option_of(descriptor, level, name);
    ::close(descriptor);
    return value;
  }
  void bear_silence(Duration limit) {
    thread_.run([&] { stream_->bear_silence(limit); });
  }
  // For several steps in one turn of the loop.
  void with_stream(const std::function<void(TcpStream&)>& steps) {
    thread_.run([&] { steps(*stream_); });
  }

  // Says what the owner does in each such event, besides remembering it.
  void in(StreamEvent event, std::function<void(TcpStream&)> reaction) {
    thread_.run([&] { reactions_[index(event)] = std::move(reaction); });
  }

  // Waits for the event.
  [[nodiscard]] bool hears(StreamEvent event) {
    return thread_.eventually([&] { return counts_[index(event)] > 0; });
  }
  // Waits for so many bytes, and returns all that have arrived.
  [[nodiscard]] std::string received(std::size_t bytes) {
    (void)thread_.eventually([&] { return received_.size() >= bytes; });  // the caller compares
    return received();
  }
  [[nodiscard]] std::string received() {
    return thread_.run([&] { return received_; });
  }
  [[nodiscard]] int count(StreamEvent event) {
    return thread_.run([&] { return counts_[index(event)]; });
  }
  // All events so far but those with bytes, in order.
  [[nodiscard]] std::string history() {
    return thread_.run([&] { return history_; });
  }
  // The errno value of the last on_broken or on_connected.
  [[nodiscard]] int system() {
    return thread_.run([&] { return system_; });
  }

  // For conditions and steps, which run on the loop already.
  [[nodiscard]] bool is_quiet() const { return stream_->quiet(); }
  [[nodiscard]] const std::string& history_so_far() const { return history_; }

  void on_bytes(std::string_view bytes) override {
    received_ += bytes;
    note(StreamEvent::bytes, "");
  }
  void on_end() override { note(StreamEvent::end, "end "); }
  void on_broken(int system) override {
    system_ = system;
    note(StreamEvent::broken, "broken ");
  }
  void on_drained() override { note(StreamEvent::drained, "drained "); }
  void on_connected(int system) override {
    system_ = system;
    note(StreamEvent::connected, "connected ");
  }
  void on_closed() override {
    stream_.reset();
    note(StreamEvent::closed, "closed ");
  }

 private:
  static std::size_t index(StreamEvent event) { return static_cast<std::size_t>(event); }
  void note(StreamEvent event, std::string_view name) {
    ++counts_[index(event)];
    history_ += name;
    if (const auto& reaction = reactions_[index(event)]; reaction && stream_) {
      reaction(*stream_);
    }
  }

  LoopThread& thread_;
  // The rest belongs to the loop's thread.
  std::optional<TcpStream> stream_;
  std::string received_;
  std::string history_;
  std::array<int, 6> counts_{};
  std::array<std::function<void(TcpStream&)>, 6> reactions_;
  int system_ = 0;
};

}  // namespace holdfast
