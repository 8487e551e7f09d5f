#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

// The bytes that clients and requests may take up, of all workers together; 0 = no limit. What is
// not configured is half of what the cgroup allows: the other half is for the kernel's buffers of
// our sockets, which count there too, and for the program itself.
[[nodiscard]] std::uint64_t memory_budget(std::uint64_t configured);

// The limit that a cgroup v2 memory.max file ("536870912", "max") sets; 0 if it sets none.
[[nodiscard]] std::uint64_t bytes_of_limit(std::string_view memory_max);

}  // namespace holdfast
