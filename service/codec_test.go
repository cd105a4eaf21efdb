package service

import (
	"testing"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that Codec builds on

	"github.com/callgate/callgate/eventstream"
)

// TestSendingAnEventAllocatesNothing: it is encoded already, once for everybody.
func TestSendingAnEventAllocatesNothing(t *testing.T) {
	codec := codec{encoding.GetCodecV2("proto")}
	event := &eventstream.Encoded{}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := codec.Marshal(event); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
