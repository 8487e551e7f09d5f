#include "base/list.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

struct RowTag;
struct ColumnTag;

struct Item : ListLink<RowTag>, ListLink<ColumnTag> {
  explicit Item(char named) : name(named) {}
  [[nodiscard]] bool in_a_row() const { return ListLink<RowTag>::linked(); }
  [[nodiscard]] bool in_a_column() const { return ListLink<ColumnTag>::linked(); }
  char name;
};

class ListTest : public testing::Test {
 protected:
  using Row = List<Item, RowTag>;
  using Column = List<Item, ColumnTag>;

  ~ListTest() override {
    while (row.pop_front() != nullptr) {
    }
    while (column.pop_front() != nullptr) {
    }
  }

  void push_all() {
    for (Item* item : {&a, &b, &c}) {
      row.push_back(*item);
    }
  }

  template <class AnyList>
  static std::string order(const AnyList& list) {
    std::string names;
    for (const Item* item = list.front(); item != nullptr; item = list.after(*item)) {
      names += item->name;
    }
    return names;
  }

  Row row;
  Column column;
  Item a{'a'};
  Item b{'b'};
  Item c{'c'};
};

TEST_F(ListTest, StartsEmpty) {
  EXPECT_TRUE(row.empty());
  EXPECT_EQ(row.size(), 0U);
  EXPECT_EQ(row.front(), nullptr);
  EXPECT_EQ(row.back(), nullptr);
  EXPECT_EQ(row.pop_front(), nullptr);
}

TEST_F(ListTest, KeepsTheOrderOfThosePushedToTheBack) {
  push_all();
  EXPECT_EQ(order(row), "abc");
  EXPECT_EQ(row.size(), 3U);
  EXPECT_EQ(row.front(), &a);
  EXPECT_EQ(row.back(), &c);
}

TEST_F(ListTest, PutsThosePushedToTheFrontBeforeTheOthers) {
  row.push_front(a);
  row.push_front(b);
  row.push_back(c);
  EXPECT_EQ(order(row), "bac");
}

TEST_F(ListTest, RemovesFromTheMiddle) {
  push_all();
  row.remove(b);
  EXPECT_EQ(order(row), "ac");
  EXPECT_EQ(row.size(), 2U);
  EXPECT_FALSE(b.in_a_row());
}

TEST_F(ListTest, RemovesFromBothEnds) {
  push_all();
  row.remove(a);
  row.remove(c);
  EXPECT_EQ(order(row), "b");
  EXPECT_EQ(row.front(), row.back());
}

TEST_F(ListTest, PopsTheFirstUntilNothingIsLeft) {
  push_all();
  EXPECT_EQ(row.pop_front(), &a);
  EXPECT_EQ(row.pop_front(), &b);
  EXPECT_EQ(row.pop_front(), &c);
  EXPECT_EQ(row.pop_front(), nullptr);
  EXPECT_TRUE(row.empty());
}

TEST_F(ListTest, TakesAnElementBackAfterItWasRemoved) {
  push_all();
  row.remove(a);
  row.push_back(a);
  EXPECT_EQ(order(row), "bca");
}

TEST_F(ListTest, HoldsAnElementOncePerTag) {
  push_all();
  column.push_front(a);
  column.push_front(b);
  row.remove(a);
  EXPECT_EQ(order(row), "bc");
  EXPECT_EQ(order(column), "ba");
  EXPECT_FALSE(a.in_a_row());
  EXPECT_TRUE(a.in_a_column());
}

TEST_F(ListTest, DiesWhenAnElementIsPutOnTwice) {
  row.push_back(a);
  EXPECT_DEATH(row.push_back(a), "put on two lists");
}

TEST_F(ListTest, DiesWhenAnElementIsRemovedThatIsOnNoList) {
  EXPECT_DEATH(row.remove(a), "taken off a list it is not on");
}

TEST_F(ListTest, DiesWhenItGoesBeforeItsElements) {
  EXPECT_DEATH(
      {
        Row doomed;
        doomed.push_back(a);
      },
      "destroyed with elements on it");
}

TEST_F(ListTest, DiesWhenAnElementGoesBeforeTheList) {
  EXPECT_DEATH(
      {
        Item doomed{'d'};
        row.push_back(doomed);
      },
      "destroyed while it is on a list");
}

}  // namespace
}  // namespace holdfast
