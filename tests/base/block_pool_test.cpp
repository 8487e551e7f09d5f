#include "base/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

TEST(Block, HoldsNothingWhenEmpty) {
  const Block none;
  EXPECT_FALSE(none);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.bytes(), "");
  EXPECT_EQ(none.capacity(), 0U);
}

class BlockPoolTest : public testing::Test {
 protected:
  Block borrow(std::string_view bytes) {
    Block block = pool.borrow(bytes.size());
    block.append(bytes);
    return block;
  }

  BlockPool pool;
};

TEST_F(BlockPoolTest, LendsTheSmallestSizeThatFits) {
  for (const std::size_t size : BlockPool::sizes) {
    EXPECT_EQ(pool.borrow(size).capacity(), size);
    EXPECT_EQ(pool.borrow(size - 1).capacity(), size);
  }
  EXPECT_EQ(pool.borrow(0).capacity(), BlockPool::sizes[0]);
  EXPECT_EQ(pool.borrow(BlockPool::sizes[0] + 1).capacity(), BlockPool::sizes[1]);
}

TEST_F(BlockPoolTest, HasRoomForARequestBodyReadAtOnce) {
  EXPECT_GE(pool.borrow(64 * 1024).room().size(), 64U * 1024U);
}

TEST_F(BlockPoolTest, CountsWhatIsLent) {
  const Block small = pool.borrow(1);
  {
    const Block large = pool.borrow(BlockPool::largest);
    EXPECT_EQ(pool.lent(), 2U);
    EXPECT_EQ(pool.lent_bytes(), small.capacity() + large.capacity());
  }
  EXPECT_EQ(pool.lent(), 1U);
  EXPECT_EQ(pool.lent_bytes(), small.capacity());
}

TEST_F(BlockPoolTest, LendsAReturnedBlockAgain) {
  const char* memory = nullptr;
  {
    Block block = pool.borrow(1);
    memory = block.room().data();
  }
  EXPECT_EQ(pool.borrow(1).room().data(), memory);
}

TEST_F(BlockPoolTest, LendsAReusedBlockEmpty) {
  borrow("left behind").release();
  EXPECT_TRUE(pool.borrow(1).empty());
}

TEST_F(BlockPoolTest, SurvivesAPeakBeyondWhatItKeeps) {
  std::vector<Block> peak;
  for (int i = 0; i < 100; ++i) {
    peak.push_back(pool.borrow(BlockPool::largest));
  }
  EXPECT_EQ(pool.lent(), 100U);
  peak.clear();
  EXPECT_EQ(pool.lent(), 0U);
  EXPECT_EQ(pool.lent_bytes(), 0U);
}

TEST_F(BlockPoolTest, AppendsAtTheEndAndConsumesFromTheFront) {
  Block block = borrow("hold");
  block.append("fast");
  EXPECT_EQ(block.bytes(), "holdfast");
  block.consume(3);
  EXPECT_EQ(block.bytes(), "dfast");
  EXPECT_EQ(block.size(), 5U);
}

TEST_F(BlockPoolTest, TakesBytesWrittenIntoItsRoom) {
  Block block = pool.borrow(8);
  std::ranges::copy(std::string_view("hold"), block.room().begin());
  block.fill(4);
  EXPECT_EQ(block.bytes(), "hold");
}

TEST_F(BlockPoolTest, CompactsSoThatAllFreeMemoryIsRoom) {
  Block block = borrow("holdfast");
  block.consume(4);
  block.compact();
  EXPECT_EQ(block.bytes(), "fast");
  EXPECT_EQ(block.room().size(), block.capacity() - 4);
}

TEST_F(BlockPoolTest, MovesABlockAndLeavesAnEmptyOne) {
  Block from = borrow("cargo");
  Block to = std::move(from);
  EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  EXPECT_EQ(to.bytes(), "cargo");
  EXPECT_EQ(pool.lent(), 1U);
}

TEST_F(BlockPoolTest, ReturnsTheOldBlockWhenANewOneIsAssigned) {
  Block block = borrow("old");
  block = borrow("new");
  EXPECT_EQ(block.bytes(), "new");
  EXPECT_EQ(pool.lent(), 1U);
}

TEST_F(BlockPoolTest, ReleasesOnceHoweverOftenItIsAsked) {
  Block block = borrow("cargo");
  block.release();
  block.release();
  EXPECT_FALSE(block);
  EXPECT_EQ(pool.lent(), 0U);
}

TEST_F(BlockPoolTest, MakesRoomInAnEmptyHandleByBorrowing) {
  Block block;
  ASSERT_TRUE(pool.make_room(block, 100));
  EXPECT_GE(block.room().size(), 100U);
}

TEST_F(BlockPoolTest, LeavesABlockAloneThatHasTheRoom) {
  Block block = borrow("cargo");
  const char* memory = block.bytes().data();
  ASSERT_TRUE(pool.make_room(block, block.capacity() - 5));
  EXPECT_EQ(block.bytes().data(), memory);
}

TEST_F(BlockPoolTest, MakesRoomByCompactingBeforeItBorrows) {
  Block block = pool.borrow(1);
  block.fill(block.capacity());
  block.consume(block.capacity() - 10);
  ASSERT_TRUE(pool.make_room(block, block.capacity() - 10));
  EXPECT_EQ(block.capacity(), BlockPool::sizes[0]);
  EXPECT_EQ(block.size(), 10U);
}

TEST_F(BlockPoolTest, MovesTheBytesToALargerBlockWhenTheOldOneIsTooSmall) {
  Block block = borrow("cargo");
  ASSERT_TRUE(pool.make_room(block, BlockPool::sizes[0]));
  EXPECT_EQ(block.capacity(), BlockPool::sizes[1]);
  EXPECT_EQ(block.bytes(), "cargo");
  EXPECT_EQ(pool.lent(), 1U);
}

TEST_F(BlockPoolTest, ChangesNothingWhenNoBlockIsLargeEnough) {
  Block block = borrow("cargo");
  EXPECT_TRUE(pool.make_room(block, BlockPool::largest - 5));
  EXPECT_FALSE(pool.make_room(block, BlockPool::largest - 4));
  EXPECT_EQ(block.bytes(), "cargo");
}

TEST_F(BlockPoolTest, DiesWhenMoreIsAskedForThanTheLargestBlock) {
  EXPECT_DEATH((void)pool.borrow(BlockPool::largest + 1), "larger block is asked for");
}

TEST_F(BlockPoolTest, DiesWhenABlockIsFilledBeyondItsRoom) {
  Block block = borrow("cargo");
  EXPECT_DEATH(block.fill(block.capacity() - 4), "filled beyond its room");
}

TEST_F(BlockPoolTest, DiesWhenABlockIsAppendedToBeyondItsRoom) {
  Block block = borrow("cargo");
  const std::string tide(block.room().size() + 1, 'x');
  EXPECT_DEATH(block.append(tide), "appended to beyond its room");
}

TEST_F(BlockPoolTest, DiesWhenMoreIsConsumedThanIsThere) {
  Block block = borrow("cargo");
  EXPECT_DEATH(block.consume(6), "more is consumed than is there");
}

TEST_F(BlockPoolTest, DiesWhenItGoesBeforeItsBlocks) {
  EXPECT_DEATH(
      {
        Block survivor;
        BlockPool doomed;
        survivor = doomed.borrow(1);
      },
      "destroyed while blocks are lent");
}

}  // namespace
}  // namespace holdfast
