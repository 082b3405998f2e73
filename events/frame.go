package events

import "encoding/binary"

// A FrameType is the first byte of a message on a data channel.
type FrameType byte

// Frames between workers, on the control channel.
const (
	FrameHeartbeat      FrameType = 1  // Heartbeat
	FrameStatusUpdate   FrameType = 2  // State, from the owner of a change to all
	FrameStateBroadcast FrameType = 3  // State, from the admin (or whoever was asked) to a member
	FramePull           FrameType = 4  // Pull
	FrameGenesis        FrameType = 5  // Genesis
	FrameGoodbye        FrameType = 6  // Goodbye
	FramePing           FrameType = 7  // Ping: asks for a FramePong at once
	FramePong           FrameType = 8  // Ping, echoed
	FrameVouch          FrameType = 9  // Vouch
	FrameFence          FrameType = 10 // SeatCertificate of a newer term than the sender of a frame has
	FrameWant           FrameType = 11 // Want, to the admin
)

// Frames between a client and a worker, on the job channel.
const (
	FrameStart  FrameType = 32 // JobStart
	FrameEvent  FrameType = 33 // JobEvent
	FrameSignal FrameType = 34 // JobSignal
	FrameAttach FrameType = 35 // JobAttach
	FrameError  FrameType = 36 // Error
	FrameAck    FrameType = 37 // JobAck
	FrameHello  FrameType = 38 // JobHello, both ways

	FrameInputs   FrameType = 39 // JobInputs
	FrameNeeds    FrameType = 40 // JobNeeds
	FrameEvidence FrameType = 41 // JobEvidence

	FrameList    FrameType = 48 // MountList
	FrameListing FrameType = 49 // MountListing
)

// Frames of a file transfer, on the bulk channel.
const (
	FrameFile      FrameType = 64 // FileHeader: a file begins
	FrameChunk     FrameType = 65 // raw bytes of it
	FrameFileEnd   FrameType = 66 // FileEnd: its hash
	FrameFileOK    FrameType = 67 // FileEnd echoed: received whole, hash compared, on disk
	FrameFileError FrameType = 68 // Error: this file failed
	FrameManifest  FrameType = 69 // Manifest: what the sender is going to send
)

// FrameHeader is the length of a frame's header: type and big-endian length.
const FrameHeader = 5

// Frame prepends the header to a payload. It panics if the frame would be longer
// than MaxMessage: no caller may build one.
func Frame(t FrameType, payload []byte) []byte {
	if len(payload)+FrameHeader > MaxMessage {
		panic("events: frame over MaxMessage")
	}
	f := make([]byte, FrameHeader, FrameHeader+len(payload))
	f[0] = byte(t)
	binary.BigEndian.PutUint32(f[1:], uint32(len(payload)))
	return append(f, payload...)
}

// ParseFrame takes a frame apart. The payload is a part of data. A message is
// one whole frame: anything less or more is refused.
func ParseFrame(data []byte) (FrameType, []byte, error) {
	if len(data) > MaxMessage {
		return 0, nil, Errorf(CodeTooLarge, "frame of %d bytes, at most %d allowed", len(data), MaxMessage)
	}
	if len(data) < FrameHeader {
		return 0, nil, Errorf(CodeInvalid, "frame of %d bytes has no header", len(data))
	}
	if n := binary.BigEndian.Uint32(data[1:]); int64(n) != int64(len(data)-FrameHeader) {
		return 0, nil, Errorf(CodeInvalid, "frame says %d bytes and has %d", n, len(data)-FrameHeader)
	}
	return FrameType(data[0]), data[FrameHeader:], nil
}
