package link

import (
	"time"

	"github.com/moothall/moothall/signaling/pace"
)

// Rates of what is received on a channel, nudges included: who is faster sends to keep
// the other side busy.
var (
	controlRate = pace.Rate{PerSecond: 2000, Burst: 4000}
	// Of files, which come in chunks of 16 KiB, and of a job's log, which a client may
	// read from its beginning.
	bulkRate = pace.Rate{PerSecond: 50_000, Burst: 50_000}
)

func rateOf(l *Link, label string) pace.Rate {
	if label == labelBulk || label == labelJob && !l.answers {
		return bulkRate
	}
	return controlRate
}

// pause waits until the rate lets another message in; false if the link was closed
// meanwhile.
func (c *Channel) pause() bool {
	now := time.Now()
	wait := c.rate.ReserveN(now, 1).DelayFrom(now)
	if wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.link.closing:
		return false
	}
}
