#include "simulation/sim_stream.h"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

constexpr std::size_t read_bytes = std::size_t{64} * 1024;

}  // namespace

int SimStream::adopt(int descriptor) {
  SimWire* found = network_.take_up(descriptor);
  check(found != nullptr, "a descriptor is adopted that nobody gave");
  if (network_.random.percent(network_.failed_adoptions)) {
    found->near_closed = true;  // as TcpStream: the descriptor is closed
    found->near_ended = true;
    return EINVAL;
  }
  join(*found);
  ++found->moves;
  return 0;
}

WriteOutcome SimStream::write(std::span<const std::string_view> parts) {
  check(parts.size() <= max_parts, "a write of too many parts");
  if (closing_ || broken_told_) {
    return WriteOutcome::broken;
  }
  check(!ending_, "a write behind a shutdown");
  if (pending_.empty() && wire_->broken != 0) {
    wire_->break_told = true;
    wire_->far->on_refused(parts);
    return WriteOutcome::broken;
  }
  wire_->far->on_accepted(parts);
  for (const std::string_view part : parts) {
    const std::size_t taken = pending_.empty() ? take(part) : 0;
    pending_.push(part.substr(taken));
  }
  check(pending_.size() <= 2 * max_kept_bytes, "more is kept than one write on top of another");
  return pending_.empty() ? WriteOutcome::written : WriteOutcome::pending;
}

// Gives the kernel as much as it takes.
std::size_t SimStream::take(std::string_view bytes) {
  std::size_t count = std::min(bytes.size(), wire_->room());
  if (network_.random.percent(network_.short_writes)) {
    count = network_.random.below(count + 1);
  }
  if (wire_->far_closed) {
    wire_->far_reset |= count > 0;  // nobody is there to read it
  } else {
    wire_->outbound.push(bytes.substr(0, count));
  }
  return count;
}

void SimStream::shut_down() {
  wire_->note_near_end();
  network_.on_near_end(*wire_, "proxy shuts down");
  ending_ = true;
  end_if_due();
}

void SimStream::end_if_due() {
  if (ending_ && pending_.empty() && !closing_) {
    wire_->near_ended = true;
  }
}

void SimStream::close() {
  if (closing_) {
    return;
  }
  closing_ = true;
  reading_ = false;
  if (wire_ != nullptr) {
    wire_->note_near_end();
    network_.on_near_end(*wire_, wire_->near_reset ? "proxy resets" : "proxy closes");
    wire_->near_closed = true;
    wire_->near_ended = true;
    wire_->near_reset |= wire_->arrived > 0 || !wire_->inbound.empty();
    wire_->near = nullptr;
  }
}

// As in TcpStream: there is no reset behind a shutdown.
void SimStream::reset() {
  if (!closing_ && wire_ != nullptr && !ending_) {
    wire_->near_reset = true;
    wire_->outbound.clear();
  }
  close();
}

bool SimStream::quiet() const {
  return wire_->arrived == 0 && !wire_->end_arrived && wire_->broken == 0;
}

int SimStream::detach() {
  check(pending_.empty(), "a stream is detached while something is pending");
  int descriptor = -1;
  if (!closing_ && !network_.random.percent(network_.failed_detaches)) {
    descriptor = network_.put_aside(*wire_);
    wire_->near = nullptr;
    wire_ = nullptr;
  }
  close();
  return descriptor;
}

bool SimStream::ready() const {
  if (closing_ || wire_ == nullptr) {
    return false;
  }
  return connecting_ ? wire_->connect_result.has_value() : (reading_ && readable()) || writable();
}

void SimStream::turn() {
  if (connecting_) {
    connecting_ = false;
    events_.on_connected(*wire_->connect_result);
    return;
  }
  if (reading_ && readable()) {
    static_cast<void>(read_once());
  }
  if (!closing_ && wire_ != nullptr && writable()) {
    flush();
  }
}

bool SimStream::read_once() {
  SimWire& wire = *wire_;
  if (wire.arrived > 0) {
    std::size_t count = std::min(wire.arrived, read_bytes);
    count -= wire.read + count == wire.glued && count > 1 ? 1 : 0;
    // A copy of its exact size, so that the sanitizer sees whoever keeps a view of it.
    const std::vector<char> bytes(
        wire.inbound.bytes().begin(),
        wire.inbound.bytes().begin() + static_cast<std::ptrdiff_t>(count));
    wire.inbound.pop(count);
    wire.arrived -= count;
    wire.read += count;
    drained_ = wire.arrived == 0;
    events_.on_bytes({bytes.data(), bytes.size()});
  } else if (broken_told_) {
    return false;
  } else if (!end_told_ && (wire.end_arrived || wire.break_told)) {
    end_told_ = true;
    reading_ = false;
    events_.on_end();
  } else {
    report();
  }
  return true;
}

void SimStream::report() {
  broken_told_ = true;
  reading_ = false;
  events_.on_broken(wire_->broken);
}

void SimStream::flush() {
  if (wire_->broken != 0) {
    report();
    return;
  }
  const std::size_t room = std::min(pending_.size(), wire_->room());
  const std::size_t taken = take(pending_.bytes().substr(0, network_.random.part(room)));
  pending_.pop(taken);
  if (pending_.empty()) {
    end_if_due();
    events_.on_drained();
  }
}

Stream& SimStreams::make(StreamEvents& events) {
  streams_.push_back(std::make_unique<SimStream>(network_, events));
  streams_.back()->place_ = streams_.size() - 1;
  return *streams_.back();
}

void SimStreams::release(Stream& stream) {
  const std::size_t place = static_cast<SimStream&>(stream).place_;
  check(place < streams_.size() && streams_[place].get() == &stream,
        "a stream is released that is none");
  std::swap(streams_[place], streams_.back());
  streams_[place]->place_ = place;
  streams_.pop_back();
}

std::size_t SimStreams::pending_bytes() const {
  std::size_t total = 0;
  for (const auto& stream : streams_) {
    total += stream->pending_bytes();
  }
  return total;
}

bool SimStreams::anything_ready() const {
  return std::ranges::any_of(
      streams_, [](const auto& stream) { return stream->ready() || stream->closing(); });
}

void SimStreams::poll() {
  for (const auto& stream : streams_) {
    if (stream->ready()) {
      batch_.push_back(stream.get());
    }
  }
}

bool SimStreams::tell_next() {
  while (!batch_.empty()) {
    const std::size_t which = network_.random.below(batch_.size());
    SimStream* stream = std::exchange(batch_[which], batch_.back());
    batch_.pop_back();
    if (stream->ready()) {
      stream->turn();
      return true;
    }
  }
  return false;
}

bool SimStreams::tell_closed() {
  std::vector<SimStream*> closing;
  for (const auto& stream : streams_) {
    if (stream->closing()) {
      closing.push_back(stream.get());
    }
  }
  for (SimStream* stream : closing) {
    stream->tell_closed();
  }
  return !closing.empty();
}

}  // namespace holdfast
