#include "base/slab.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <stdexcept>
#include <vector>

namespace holdfast {
namespace {

// Counts itself in and out.
struct Tenant {
  Tenant(int& tenants, int numbered) : alive(tenants), number(numbered) {
    if (numbered < 0) {
      throw std::invalid_argument("a tenant that cannot move in");
    }
    ++alive;
  }
  Tenant(const Tenant&) = delete;
  Tenant& operator=(const Tenant&) = delete;
  ~Tenant() { --alive; }

  int& alive;
  int number;
};

class SlabTest : public testing::Test {
 protected:
  static constexpr std::size_t chunk = 4;

  ~SlabTest() override {
    std::vector<Tenant*> left;
    slab.for_each([&](Tenant& tenant) { left.push_back(&tenant); });
    for (Tenant* tenant : left) {
      slab.release(*tenant);
    }
  }

  Tenant& move_in(int number = 0) { return slab.make(alive, number); }
  void move_out(Tenant& tenant) { slab.release(tenant); }

  int alive = 0;
  Slab<Tenant, chunk> slab;
};

TEST_F(SlabTest, ReservesNothingBeforeTheFirstObject) {
  EXPECT_EQ(slab.capacity(), 0U);
  EXPECT_EQ(slab.in_use(), 0U);
}

TEST_F(SlabTest, ConstructsWithTheArgumentsGiven) { EXPECT_EQ(move_in(7).number, 7); }

TEST_F(SlabTest, DestroysWhatIsReleased) {
  Tenant& tenant = move_in();
  EXPECT_EQ(alive, 1);
  move_out(tenant);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(slab.in_use(), 0U);
}

TEST_F(SlabTest, ReusesTheSlotThatWasReleasedLast) {
  Tenant& first = move_in();
  Tenant& second = move_in();
  move_out(first);
  move_out(second);
  EXPECT_EQ(&move_in(), &second);
  EXPECT_EQ(&move_in(), &first);
}

TEST_F(SlabTest, GrowsByChunksAndNeverMovesAnObject) {
  std::vector<Tenant*> tenants;
  for (int number = 0; number < 10; ++number) {
    tenants.push_back(&move_in(number));
  }
  EXPECT_EQ(slab.capacity(), 3 * chunk);
  for (int number = 0; number < 10; ++number) {
    EXPECT_EQ(tenants[static_cast<std::size_t>(number)]->number, number);
  }
}

TEST_F(SlabTest, DoesNotGrowWhileThereAreFreeSlots) {
  for (int round = 0; round < 100; ++round) {
    move_out(move_in());
  }
  EXPECT_EQ(slab.capacity(), chunk);
}

TEST_F(SlabTest, FindsALiveObjectByItsId) {
  std::vector<Tenant*> tenants;
  for (int number = 0; number < 6; ++number) {
    tenants.push_back(&move_in(number));
  }
  for (Tenant* tenant : tenants) {
    EXPECT_EQ(slab.find(slab.id_of(*tenant)), tenant);
  }
}

TEST_F(SlabTest, GivesEveryObjectAnIdOfItsOwn) {
  std::set<std::uint32_t> indexes;
  for (int number = 0; number < 10; ++number) {
    indexes.insert(slab.id_of(move_in(number)).index);
  }
  EXPECT_EQ(indexes.size(), 10U);
}

TEST_F(SlabTest, DoesNotFindAnObjectThatHasGone) {
  Tenant& tenant = move_in();
  const SlotId id = slab.id_of(tenant);
  move_out(tenant);
  EXPECT_EQ(slab.find(id), nullptr);
}

TEST_F(SlabTest, TellsALaterTenantFromTheOneMeant) {
  Tenant& earlier = move_in();
  const SlotId id = slab.id_of(earlier);
  move_out(earlier);
  Tenant& later = move_in();
  ASSERT_EQ(&later, &earlier);
  EXPECT_EQ(slab.find(id), nullptr);
  EXPECT_EQ(slab.find(slab.id_of(later)), &later);
}

TEST_F(SlabTest, FindsNothingBeyondItsSlots) {
  EXPECT_EQ(slab.find({}), nullptr);
  move_in();
  EXPECT_EQ(slab.find({.index = chunk, .generation = 0}), nullptr);
  EXPECT_EQ(slab.find({.index = 0xffffffff, .generation = 0}), nullptr);
}

TEST_F(SlabTest, VisitsLiveObjectsOnly) {
  move_in(1);
  Tenant& gone = move_in(2);
  move_in(3);
  move_out(gone);
  std::multiset<int> visited;
  slab.for_each([&](const Tenant& tenant) { visited.insert(tenant.number); });
  EXPECT_EQ(visited, (std::multiset<int>{1, 3}));
}

TEST_F(SlabTest, KeepsTheSlotFreeWhenAConstructorThrows) {
  EXPECT_THROW(move_in(-1), std::invalid_argument);
  EXPECT_EQ(slab.in_use(), 0U);
  for (std::size_t i = 0; i < chunk; ++i) {
    move_in();
  }
  EXPECT_EQ(slab.capacity(), chunk);
}

TEST_F(SlabTest, AlignsItsObjects) {
  struct alignas(64) Wide {
    char byte = 0;
  };
  Slab<Wide, 2> wide;
  Wide& first = wide.make();
  Wide& second = wide.make();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&first) % 64, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&second) % 64, 0U);
  wide.release(first);
  wide.release(second);
}

TEST_F(SlabTest, DiesWhenASlotIsReleasedTwice) {
  Tenant& tenant = move_in();
  move_out(tenant);
  EXPECT_DEATH(move_out(tenant), "released twice");
}

TEST_F(SlabTest, DiesWhenItGoesBeforeItsObjects) {
  EXPECT_DEATH(
      {
        Slab<int> doomed;
        doomed.make(1) = 2;
      },
      "destroyed with objects in it");
}

}  // namespace
}  // namespace holdfast
