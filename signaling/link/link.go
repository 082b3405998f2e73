package link

import "time"

// A Link is a connection to one peer. Its methods may be called from any goroutine.
type Link struct{}

// Opened is closed when all channels are open and the remote certificate is the
// signed one.
func (l *Link) Opened() <-chan struct{} { return nil }

// Done is closed when the link has ended, for whatever reason; Err says which.
func (l *Link) Done() <-chan struct{} { return nil }

// Err is nil until Done is closed, then why the link ended: ErrClosed after Close,
// ErrRemoteClosed, or an *events.Error (no path, another certificate, a frame too
// large).
func (l *Link) Err() error { return nil }

// Close ends the link; the other side sees Done within milliseconds. It waits for
// the link's goroutines, at most 2 s, and may be called any number of times.
func (l *Link) Close() error { return nil }

// Remote is whom the link leads to.
func (l *Link) Remote() Remote { return Remote{} }

// Control is the channel for messages: between workers "worker-mesh-" and the
// offerer's id, else "job". Never nil.
func (l *Link) Control() *Channel { return nil }

// Bulk is the channel for files, on job links only; nil on mesh links.
func (l *Link) Bulk() *Channel { return nil }

// Suspect reports true when nothing was heard for Config.Disconnected and false
// when the peer is heard again. Only the newest value waits; one channel, one reader.
func (l *Link) Suspect() <-chan bool { return nil }

// Stats are numbers of a link at one moment. Path is "direct" or "turn", "" before
// a pair of addresses was chosen; Local and Remote are written "udp ip:port". RTT is
// of the newest ICE check, 0 if there was none.
type Stats struct {
	Path, Local, Remote string
	RTT                 time.Duration
	BytesSent           uint64
	BytesReceived       uint64
}

// Stats asks for the numbers now.
func (l *Link) Stats() Stats { return Stats{} }
