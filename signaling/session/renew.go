package session

import (
	"context"
	"time"

	"github.com/moothall/moothall/events"
)

const (
	renewBefore  = 5 * time.Minute  // a JWT is renewed this long before it ends
	renewAway    = 5 * time.Second  // or when the connection has been away this long
	renewPause   = time.Second      // between two attempts, at least
	renewBackoff = 30 * time.Second // between two attempts, at most
)

// renewIn is how long a fresh JWT that lives for life may rest.
func renewIn(life time.Duration) time.Duration {
	return max(renewPause, life-renewBefore, life/2)
}

// renew joins again before the JWT ends, when NATS refuses it, and when the connection
// does not come back: a hub that was set up anew has other keys. While all is well the
// connection stays as it is: the server closes it when the old JWT ends, the client
// comes back with the new one, and the hub knows that kind of end from a crash.
func (s *Session) renew(life time.Duration) {
	wait, backoff := renewIn(life), renewPause
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.away:
			s.pause(renewAway)
			if s.up.Load() {
				continue
			}
		case <-s.refused:
		case <-time.After(wait):
		}
		a, err := s.rejoin()
		switch {
		case err == nil:
			s.reply.Store(&a.reply)
			wait, backoff = renewIn(a.life), renewPause
		case s.ctx.Err() == nil:
			s.log.Debug("could not renew the admission", "cause", err, "code", events.CodeOf(err))
			wait, backoff = backoff, min(2*backoff, renewBackoff)
		}
		s.pause(renewPause)
	}
}

func (s *Session) rejoin() (admission, error) {
	ctx, cancel := context.WithTimeout(s.ctx, joinTimeout)
	defer cancel()
	a, err := s.door.join(ctx)
	if err == nil && a.reply.PeerID != s.peer {
		err = events.Errorf(events.CodeForbidden, "the hub now calls us %q, not %q", a.reply.PeerID, s.peer)
	}
	return a, err
}

func (s *Session) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
	}
}
