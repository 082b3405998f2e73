package link

import (
	"errors"
	"time"
)

const (
	lingerTime = 200 * time.Millisecond // a link that closes waits no longer for what it sent
	lingerStep = 2 * time.Millisecond
	// settlePause lets pion's own goroutines come to rest before it is closed: it waits
	// under a lock that its accept loop needs now and then, also when the other side
	// closes in that moment. That costs nothing, except in a synctest bubble, where it
	// stops time for good. Both pauses are odd, and differ, so that in a simulated network
	// no packet arrives at their end and two ends that close at one time do it in turn.
	settlePause       = 1100 * time.Microsecond
	settlePauseCallee = 1700 * time.Microsecond
)

// tearDown frees everything. run calls it last.
func (l *Link) tearDown() {
	defer l.endpoint.remove(l)
	if errors.Is(l.reason, ErrClosed) {
		l.linger()
	}
	pause := settlePause
	if l.answers {
		pause = settlePauseCallee
	}
	time.Sleep(pause) //nolint:forbidigo // pion says nowhere that its goroutines have begun
	freed := make(chan struct{})
	go func() {
		l.closePion()
		close(freed)
	}()
	if !errors.Is(l.reason, ErrRemoteClosed) {
		<-freed // at once; what the other side has ended takes pion 400 ms
	}
	l.fallQuiet()
	<-freed
}

// fallQuiet waits for the readers. They end with SCTP, but first hand over what has
// arrived.
func (l *Link) fallQuiet() {
	select {
	case <-l.opened:
	default:
		for _, c := range l.channels {
			close(c.frames)
		}
	}
	l.tasks.Wait()
	close(l.quiet)
}

func (l *Link) closePion() {
	if err := l.pc.GracefulClose(); err != nil {
		l.log.Debug("close a peer connection", "cause", err)
	}
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
		<-tick.C
	}
}

func (l *Link) unreceived() (bytes uint64) {
	for _, c := range l.channels {
		bytes += c.buffered()
	}
	return bytes
}
