package bubble

import (
	"net"

	"github.com/pion/transport/v5/vnet"
)

// splitAddresses are the two hosts of a packet.
func splitAddresses(p vnet.Chunk) (from, to string, err error) {
	if from, _, err = net.SplitHostPort(p.SourceAddr().String()); err != nil {
		return "", "", err
	}
	to, _, err = net.SplitHostPort(p.DestinationAddr().String())
	return from, to, err
}
