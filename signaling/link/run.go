package link

import (
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/webrtc/v4"
)

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
		answers:    offerer == remote.PeerID,
		pc:         pc,
		dtls:       pc.SCTP().Transport(),
		ice:        pc.SCTP().Transport().ICETransport(),
		gathering:  newGathering(),
		candidates: make(chan string, maxCandidates),
		described:  make(chan struct{}),
		detached:   make(chan struct{}, len(labels)),
		silent:     newLatest(),
		suspect:    newLatest(),
		opened:     make(chan struct{}),
		done:       make(chan struct{}),
		closing:    make(chan struct{}),
		quiet:      make(chan struct{}),
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

// Channels of a link for jobs.
const (
	labelJob  = "job"
	labelBulk = "bulk"
)

// labels names a link's channels. Both sides know them: they are not negotiated.
func labels(purpose, offerer string) ([]string, error) {
	switch purpose {
	case events.PurposeMesh:
		return []string{events.MeshLabel(offerer)}, nil
	case events.PurposeJob:
		return []string{labelJob, labelBulk}, nil
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
	l.dtls.OnStateChange(l.dtlsChanged)
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

// dtlsChanged is pion's callback.
func (l *Link) dtlsChanged(s webrtc.DTLSTransportState) {
	if s == webrtc.DTLSTransportStateFailed {
		l.end(events.Errorf(events.CodeForbidden, "the secure handshake with %s failed: a certificate is not the one that was signed", l.remote.PeerID))
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
