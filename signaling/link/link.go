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

const (
	closeTimeout = 2 * time.Second        // Close waits no longer
	lingerTime   = 200 * time.Millisecond // Close waits no longer for what was sent to be received
	lingerStep   = 2 * time.Millisecond
)

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

	broken  chan struct{} // the other side has ended SCTP: it closed, or died and came back
	settled chan struct{} // pion has noticed that too
	opened  chan struct{}
	done    chan struct{} // the link has ended; reason says why
	closing chan struct{} // Close was called: nobody reads frames any more
	gone    chan struct{} // everything has been freed
	tasks   sync.WaitGroup

	once      sync.Once
	reason    error // set before done closes
	closeOnce sync.Once
	breakOnce sync.Once
}

// newLink makes a link that is neither described nor connected, and starts its run.
func (e *Endpoint) newLink(remote Remote, offerer, nonce string) (*Link, error) {
	labels, err := labels(remote.Purpose, offerer)
	if err != nil {
		return nil, err
	}
	pc, err := e.api.NewPeerConnection(webrtc.Configuration{
		ICEServers:   e.iceServers(),
		Certificates: []webrtc.Certificate{e.certificate},
	})
	if err != nil {
		return nil, events.Errorf(events.CodeInternal, "make a peer connection: %v", err)
	}
	l := &Link{
		endpoint:   e,
		log:        e.log.With("peer_id", remote.PeerID),
		remote:     remote,
		attempt:    attempt{remote.PeerID, nonce},
		pc:         pc,
		dtls:       pc.SCTP().Transport(),
		ice:        pc.SCTP().Transport().ICETransport(),
		gathering:  newGathering(),
		candidates: make(chan string, maxCandidates),
		described:  make(chan struct{}),
		detached:   make(chan struct{}, len(labels)),
		silent:     newLatest(),
		suspect:    newLatest(),
		broken:     make(chan struct{}),
		settled:    make(chan struct{}),
		opened:     make(chan struct{}),
		done:       make(chan struct{}),
		closing:    make(chan struct{}),
		gone:       make(chan struct{}),
	}
	err = l.prepare(labels)
	if err == nil {
		err = e.add(l)
	}
	if err != nil {
		_ = pc.GracefulClose()
		return nil, err
	}
	go l.run()
	return l, nil
}

// labels names a link's channels. Both sides know them: they are not negotiated.
func labels(purpose, offerer string) ([]string, error) {
	switch purpose {
	case events.PurposeMesh:
		return []string{events.MeshLabel(offerer)}, nil
	case events.PurposeJob:
		return []string{"job", "bulk"}, nil
	}
	return nil, events.Errorf(events.CodeInvalid, "a link cannot be for %q", purpose)
}

// prepare makes the channels and sets the callbacks.
func (l *Link) prepare(labels []string) error {
	for id, label := range labels {
		c, err := newChannel(l, label, uint16(id))
		if err != nil {
			return events.Errorf(events.CodeInternal, "make channel %q: %v", label, err)
		}
		l.channels = append(l.channels, c)
	}
	l.pc.OnICECandidate(l.gathering.found)
	l.pc.OnICEConnectionStateChange(l.iceChanged)
	l.pc.OnConnectionStateChange(l.stateChanged)
	l.pc.SCTP().OnClose(func(error) { close(l.settled) })
	l.pc.OnDataChannel(func(d *webrtc.DataChannel) {
		l.end(events.Errorf(events.CodeInvalid, "%s opened a channel %q that this link does not have", l.remote.PeerID, d.Label()))
	})
	return nil
}

// iceChanged is pion's callback: one at a time, in order.
func (l *Link) iceChanged(s webrtc.ICEConnectionState) {
	switch s {
	case webrtc.ICEConnectionStateDisconnected:
		l.silent.set(true)
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted:
		l.silent.clear()
	case webrtc.ICEConnectionStateFailed:
		l.end(l.noPath())
	}
}

// stateChanged is pion's callback, on any goroutine and in any order: so only the
// state without a way back counts.
func (l *Link) stateChanged(s webrtc.PeerConnectionState) {
	if s == webrtc.PeerConnectionStateFailed && l.dtls.State() == webrtc.DTLSTransportStateFailed {
		l.end(l.stranger())
	}
}

// run owns the peer connection. It ends a silent link itself, just before pion would:
// pion's failed state forgets the path, and no goodbye could be sent to a peer that
// hears us while we do not hear it.
func (l *Link) run() {
	defer close(l.gone)
	connect, silence := time.NewTimer(l.endpoint.cfg.Connect), time.NewTimer(l.endpoint.cfg.Failed)
	defer connect.Stop()
	defer silence.Stop()
	silence.Stop()
	described, candidates := l.described, (<-chan string)(nil)
	for missing := len(l.channels); ; {
		select {
		case <-described:
			described, candidates = nil, l.candidates
		case text := <-candidates:
			l.addCandidate(text)
		case <-l.detached:
			if missing--; missing == 0 {
				connect.Stop()
				l.open()
			}
		case silent := <-l.silent.values:
			l.suspect.set(silent)
			if silence.Stop(); silent {
				silence.Reset(l.endpoint.cfg.Failed)
			}
		case <-connect.C:
			l.end(l.noPath())
		case <-silence.C:
			l.end(l.noPath())
		case <-l.done:
			l.tearDown()
			return
		}
	}
}

// open lets frames through, if the other side is who signed the description.
func (l *Link) open() {
	if fingerprint(l.dtls.GetRemoteCertificate()) != l.expected {
		l.end(l.stranger())
		return
	}
	for _, c := range l.channels {
		l.tasks.Go(c.read)
	}
	close(l.opened)
}

func (l *Link) tearDown() {
	if errors.Is(l.reason, ErrClosed) {
		l.linger()
	}
	l.settle()
	if err := l.pc.GracefulClose(); err != nil {
		l.log.Debug("close a peer connection", "cause", err)
	}
	select {
	case <-l.opened:
	default:
		for _, c := range l.channels {
			close(c.frames)
		}
	}
	l.tasks.Wait()
	l.endpoint.remove(l)
}

// linger waits until the other side has received what was sent: closing a peer
// connection throws away what waits.
func (l *Link) linger() {
	if l.suspect.now.Load() {
		return
	}
	tick := time.NewTicker(lingerStep)
	defer tick.Stop()
	for _, c := range l.channels {
		c.nudge()
	}
	for waited := time.Duration(0); waited < lingerTime && l.unreceived() > 0; waited += lingerStep {
		select {
		case <-tick.C:
		case <-l.broken:
			return
		}
	}
}

// settle lets pion finish with an SCTP association that the other side has ended.
// Closing the peer connection meanwhile makes pion wait 400 ms under a lock that its
// own accept loop needs, which stops the time of a synctest bubble for good.
func (l *Link) settle() {
	select {
	case <-l.broken:
	default:
		return
	}
	timeout := time.NewTimer(lingerTime)
	defer timeout.Stop()
	select {
	case <-l.settled:
	case <-timeout.C:
	}
}

// breakOff is what a reader does when SCTP has ended.
func (l *Link) breakOff() {
	l.breakOnce.Do(func() { close(l.broken) })
	l.end(ErrRemoteClosed)
}

func (l *Link) unreceived() (bytes uint64) {
	for _, c := range l.channels {
		bytes += c.buffered()
	}
	return bytes
}

// end marks the link as ended. The first reason counts.
func (l *Link) end(reason error) {
	l.once.Do(func() {
		l.reason = reason
		close(l.done)
	})
}

func (l *Link) noPath() error {
	select {
	case <-l.opened:
		return events.Errorf(events.CodeUnreachable, "lost %s: nothing heard for %s", l.remote.PeerID, l.endpoint.cfg.Disconnected+l.endpoint.cfg.Failed)
	default:
		return events.Errorf(events.CodeUnreachable, "no connection to %s: no path found within %s", l.remote.PeerID, l.endpoint.cfg.Connect).
			WithTry("let UDP through between the two machines")
	}
}

func (l *Link) stranger() error {
	return events.Errorf(events.CodeForbidden, "who answers as %s has another certificate than %s signed", l.remote.PeerID, l.remote.PeerID)
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
// before has 200 ms to arrive. Close waits for the link's goroutines, at most 2 s,
// and may be called any number of times.
func (l *Link) Close() error {
	l.closeOnce.Do(func() { close(l.closing) })
	l.end(ErrClosed)
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case <-l.gone:
		return nil
	case <-timeout.C:
		return events.Errorf(events.CodeTimeout, "the link to %s did not close within %s", l.remote.PeerID, closeTimeout)
	}
}

// Remote is whom the link leads to.
func (l *Link) Remote() Remote { return l.remote }

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
