package timerwheel_test

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/timerwheel"
)

// cache keeps each value for a time of its own. It is not safe for concurrent use;
// with a mutex in it, it would be.
type cache struct {
	items  map[string]*item
	expiry timerwheel.Wheel[*item]
}

type item struct {
	key, value string
	timer      timerwheel.Entry[*item] // part of the item: arming it allocates nothing
}

func newCache() *cache { return &cache{items: make(map[string]*item)} }

// put keeps the value until now+ttl. A key that is there already gets the new
// value, and the new time.
func (c *cache) put(now int64, key, value string, ttl time.Duration) {
	it := c.items[key]
	if it == nil {
		it = &item{key: key}
		it.timer.Value = it
		c.items[key] = it
	}
	it.value = value
	c.expiry.Reset(&it.timer, now+int64(ttl))
}

// get is exact: an item is gone when its time has come, not when it is cleared.
func (c *cache) get(now int64, key string) (string, bool) {
	it := c.items[key]
	if it == nil || it.timer.Deadline() <= now {
		return "", false
	}
	return it.value, true
}

func (c *cache) remove(key string) {
	if it := c.items[key]; it != nil {
		c.expiry.Remove(&it.timer)
		delete(c.items, key)
	}
}

// tidy lets go of what has expired. It looks at nothing else, so that it may be
// called often: at every put, say, or whenever c.expiry.Next says so.
func (c *cache) tidy(now int64) {
	for e := c.expiry.Expire(now); e != nil; e = c.expiry.Expire(now) {
		fmt.Println("expired:", e.Value.key)
		delete(c.items, e.Value.key)
	}
}

// A cache whose items expire one by one.
func Example_cache() {
	// A program would ask its clock: int64(time.Since(start)).
	now := func(t time.Duration) int64 { return int64(t) }

	c := newCache()
	c.put(now(0), "session", "alice", 30*time.Minute)
	c.put(now(0), "captcha", "7gK2", 2*time.Minute)
	c.put(now(0), "price", "19.90", 10*time.Second)

	c.put(now(5*time.Second), "price", "18.50", 10*time.Second)
	c.tidy(now(12 * time.Second))
	fmt.Println(c.get(now(12*time.Second), "price"))

	c.remove("captcha")
	c.tidy(now(time.Hour))
	fmt.Println(len(c.items), c.expiry.Len())
	// Output:
	// 18.50 true
	// expired: price
	// expired: session
	// 0 0
}
