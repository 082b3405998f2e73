package link

import (
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"
)

// Paths of a link.
const (
	PathDirect = "direct"
	PathTURN   = "turn"
)

// Stats are numbers of a link at one moment. Path is PathDirect or PathTURN, ""
// before a pair of addresses was chosen and after the end; Local and Remote are
// written "udp ip:port". RTT is of the newest ICE check, 0 if there was none.
type Stats struct {
	Path, Local, Remote string
	RTT                 time.Duration
	BytesSent           uint64
	BytesReceived       uint64
}

// Stats asks for the numbers now.
func (l *Link) Stats() Stats {
	pair, err := l.ice.GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return Stats{}
	}
	s := Stats{Path: PathDirect, Local: address(pair.Local), Remote: address(pair.Remote)}
	if pair.Local.Typ == webrtc.ICECandidateTypeRelay || pair.Remote.Typ == webrtc.ICECandidateTypeRelay {
		s.Path = PathTURN
	}
	if numbers, ok := l.ice.GetSelectedCandidatePairStats(); ok {
		s.RTT = time.Duration(numbers.CurrentRoundTripTime * float64(time.Second))
		s.BytesSent, s.BytesReceived = numbers.BytesSent, numbers.BytesReceived
	}
	return s
}

func address(c *webrtc.ICECandidate) string {
	return fmt.Sprintf("%s %s:%d", c.Protocol, c.Address, c.Port)
}
