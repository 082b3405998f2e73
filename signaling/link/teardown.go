package link

import (
	"errors"
	"time"
)

const (
	lingerTime = 200 * time.Millisecond // a link that closes waits no longer for what it sent
	lingerStep = 2 * time.Millisecond
)

// tearDown frees everything. run calls it last.
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
