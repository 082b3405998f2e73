// Package attacks tries what nobody may do, on the built programs and over real
// connections: to speak as another, to listen to another, to come in without a right
// to. SECURITY.md says which attack stands where, and how often it is tried.
package attacks

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/moothall/moothall/tests/process"
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := process.Run(m, 4, hall.close)
	if flag.Lookup("test.run").Value.String() == "" && code == 0 {
		if err := asPublished(all.byTest); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	tried, accepted := all.sum()
	fmt.Printf("security: attacks=%d accepted=%d\n", tried, accepted)
	os.Exit(code)
}

// all counts the attacks of all tests, each publish, subscription, request, frame and
// connection once.
var all tally

// A tally counts attacks and those that got through. Safe for concurrent use.
type tally struct {
	mu     sync.Mutex // guards byTest
	byTest map[string]count
}

type count struct{ tried, accepted int }

// attack counts one; that it got through is a failure.
func (c *tally) attack(t testing.TB, accepted bool, format string, args ...any) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byTest == nil {
		c.byTest = map[string]count{}
	}
	n := c.byTest[t.Name()]
	n.tried++
	if accepted {
		n.accepted++
		t.Errorf("accepted: "+format, args...)
	}
	c.byTest[t.Name()] = n
}

func (c *tally) sum() (tried, accepted int) {
	for _, n := range c.byTest {
		tried, accepted = tried+n.tried, accepted+n.accepted
	}
	return tried, accepted
}

var publishedCount = regexp.MustCompile("`tests/attacks\\.(Test\\w+)` \\| (\\d+) \\|")

// asPublished compares the counts with those of SECURITY.md.
func asPublished(counts map[string]count) error {
	page, err := os.ReadFile(process.Root + "/SECURITY.md")
	if err != nil {
		return err
	}
	published := map[string]int{}
	for _, m := range publishedCount.FindAllStringSubmatch(string(page), -1) {
		published[m[1]], _ = strconv.Atoi(m[2]) // digits
	}
	var wrong []error
	for _, test := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[test].tried; published[test] != n {
			wrong = append(wrong, fmt.Errorf("%s tried %d attacks, SECURITY.md says %d", test, n, published[test]))
		}
	}
	return errors.Join(wrong...)
}
