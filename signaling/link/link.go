package link

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/webrtc/v4"
)

// Why a link ended without fault.
var (
	ErrClosed       = errors.New("link closed here")
	ErrRemoteClosed = errors.New("link closed by the peer")
)

// closeTimeout is how long Close waits at most.
const closeTimeout = 2 * time.Second

// A Link is a connection to one peer. Its methods may be called from any goroutine.
// Whoever has one calls Close in the end, also after Done.
//
// One goroutine, run, owns the peer connection from its making to its end. pion's
// callbacks only post to it, or mark the end.
type Link struct {
	endpoint *Endpoint
	log      *slog.Logger
	remote   Remote
	attempt  attempt
	answers  bool // the other side offered
	pc       *webrtc.PeerConnection
	dtls     *webrtc.DTLSTransport
	ice      *webrtc.ICETransport
	channels []*Channel // control, bulk
	expected string     // signed fingerprint of the other side; set before described closes

	gathering  *gathering
	candidates chan string   // late ones of the other side
	described  chan struct{} // closed when the other side's description is in
	detached   chan struct{} // one for each channel that pion has opened
	silent     latest        // pion's word that nothing is heard, for run
	suspect    latest        // the same, for the owner

	opened  chan struct{}
	done    chan struct{} // the link has ended; reason says why
	closing chan struct{} // Close was called: nobody reads frames any more
	quiet   chan struct{} // no frame comes any more, all tasks have ended
	gone    chan struct{} // pion has freed everything
	tasks   sync.WaitGroup

	once      sync.Once
	reason    error // set before done closes
	closeOnce sync.Once
}

// end marks the link as ended. The first reason counts.
func (l *Link) end(reason error) {
	l.once.Do(func() {
		l.reason = reason
		close(l.done)
	})
}

// Opened is closed when all channels are open and the remote certificate is the
// signed one.
func (l *Link) Opened() <-chan struct{} { return l.opened }

// Done is closed when the link has ended, for whatever reason; Err says which.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err is nil until Done is closed, then why the link ended: ErrClosed after Close,
// ErrRemoteClosed, or an *events.Error (no path, another certificate, a frame too
// large).
func (l *Link) Err() error {
	select {
	case <-l.done:
		return l.reason
	default:
		return nil
	}
}

// Close ends the link; the other side sees Done within milliseconds. What was sent
// before has 200 ms to arrive. Close waits until Frames are closed and, unless the other
// side had ended the link, until everything is freed, at most 2 s: in that case pion
// takes half a second more, for which Endpoint.Close waits. It may be called any number
// of times.
func (l *Link) Close() error { return l.closeUntil(l.quiet) }

func (l *Link) closeUntil(ended <-chan struct{}) error {
	l.closeOnce.Do(func() { close(l.closing) })
	l.end(ErrClosed)
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case <-ended:
		return nil
	case <-timeout.C:
		return events.Errorf(events.CodeTimeout, "the link to %s did not close within %s", l.remote.PeerID, closeTimeout)
	}
}

// Remote is whom the link leads to.
func (l *Link) Remote() Remote { return l.remote }

// Nonce names this link among all that ever led to the remote peer: its offerer drew it.
func (l *Link) Nonce() string { return l.attempt.nonce }

// Control is the channel for messages: between workers "worker-mesh-" and the
// offerer's id, else "job". Never nil.
func (l *Link) Control() *Channel { return l.channels[0] }

// Bulk is the channel for files, on job links only; nil on mesh links.
func (l *Link) Bulk() *Channel {
	if len(l.channels) < 2 {
		return nil
	}
	return l.channels[1]
}

// Suspect reports true when nothing was heard for Config.Disconnected and false
// when the peer is heard again. Only the newest value waits; one channel, one reader.
func (l *Link) Suspect() <-chan bool { return l.suspect.values }
