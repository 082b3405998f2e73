package jobs

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A vigil notices which parts of a runner do not progress: each is asked again and again,
// and one that has not answered for longer than patience hangs. So does one that says
// that it fails, until it says otherwise. It is pure; see Slots.
type vigil struct {
	every, patience time.Duration

	last   time.Time            // tick; zero before the first
	asked  map[string]time.Time // of the parts that owe an answer
	failed map[string]string    // why
}

func newVigil(l Limits) *vigil {
	return &vigil{every: l.WatchEvery, patience: l.WatchPatience, asked: map[string]time.Time{}, failed: map[string]string{}}
}

// tick says that it is time to ask. When it comes late, the whole process stood still, and
// nobody could have answered for that long.
func (v *vigil) tick(now time.Time) {
	if late := now.Sub(v.last) - v.every; !v.last.IsZero() && late > v.every {
		for part := range v.asked {
			v.asked[part] = v.asked[part].Add(late)
		}
	}
	v.last = now
}

// ask notes that a part is asked, and reports whether it owed no answer before.
func (v *vigil) ask(now time.Time, part string) bool {
	if _, owes := v.asked[part]; owes {
		return false
	}
	v.asked[part] = now
	return true
}

// answered takes a part's answer.
func (v *vigil) answered(part string, err error) {
	delete(v.asked, part)
	delete(v.failed, part)
	if err != nil {
		v.failed[part] = err.Error()
	}
}

// gone forgets a part.
func (v *vigil) gone(part string) { v.answered(part, nil) }

// hangs is what is wrong, "" if nothing is.
func (v *vigil) hangs(now time.Time) string {
	for _, part := range slices.Sorted(maps.Keys(v.asked)) {
		if now.Sub(v.asked[part]) > v.patience {
			return fmt.Sprintf("%s does not progress", part)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(v.failed)) {
		return fmt.Sprintf("%s fails: %s", part, v.failed[part])
	}
	return ""
}
