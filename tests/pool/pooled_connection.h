#pragma once

#include "pool/pool.h"

namespace holdfast {

// All that a pool wants of a connection.
struct PooledConnection : PoolMember {};

// Empties the pool before its connections go, as its owner does.
inline void empty(Pool<PooledConnection>& pool, PooledConnection& connection) {
  if (connection.pool_state() != PoolState::none) {
    pool.retire(connection);
    pool.forget(connection);
  }
}

}  // namespace holdfast
