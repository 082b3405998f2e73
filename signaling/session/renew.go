package session

import (
	"context"
	"log/slog"
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
	refused := false // and said so
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
			refused = false
			wait, backoff = renewIn(a.life), renewPause
		case s.ctx.Err() != nil:
		case final(err):
			s.finish(err)
			return
		default:
			s.complainOnce(&refused, err)
			wait, backoff = backoff, min(2*backoff, renewBackoff)
		}
		s.pause(renewPause)
	}
}

// final reports whether a refusal is for good: the token has ended. A hub that does
// not know it may have been set up anew and be put back.
func final(err error) bool {
	code := events.CodeOf(err)
	return code == events.CodeTokenExpired || code == events.CodeTokenRevoked
}

// finish ends the presence in the room: nobody will be admitted with this token again.
func (s *Session) finish(err error) {
	s.log.Error("this peer's token has ended", "cause", err, "code", events.CodeOf(err))
	s.err.Store(events.AsError(err))
	close(s.ended)
}

// complainOnce tells the owner that the hub is there and refuses, once until it admits
// again. A hub that does not answer is said elsewhere.
func (s *Session) complainOnce(said *bool, err error) {
	level := slog.LevelDebug
	if code := events.CodeOf(err); !*said && code != events.CodeUnreachable && code != events.CodeUnavailable {
		level, *said = slog.LevelError, true
	}
	s.log.Log(s.ctx, level, "could not renew the admission", "cause", err, "code", events.CodeOf(err))
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
