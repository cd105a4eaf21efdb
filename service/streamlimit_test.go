package service

import (
	"context"
	"errors"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// pipeAddr is the address of a connection within the process.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func fromAddress(ip string, port int) context.Context {
	return peer.NewContext(context.Background(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: port}})
}

func fromREST(forwarded ...string) context.Context {
	md := metadata.MD{}
	md.Append("x-forwarded-for", forwarded...)
	return metadata.NewIncomingContext(peer.NewContext(context.Background(), &peer.Peer{Addr: pipeAddr{}}), md)
}

func TestClientsAreToldApart(t *testing.T) {
	spoofing := metadata.NewIncomingContext(fromAddress("192.0.2.1", 1), metadata.Pairs("x-forwarded-for", "192.0.2.9"))
	for name, test := range map[string]struct {
		ctx  context.Context
		want string
	}{
		"an address":                   {fromAddress("192.0.2.1", 1), "192.0.2.1"},
		"an address of IPv6":           {fromAddress("2001:db8::1", 1), "2001:db8::1"},
		"a principal":                  {WithPrincipal(fromAddress("192.0.2.1", 1), "alice"), "principal alice"},
		"over REST":                    {fromREST("192.0.2.2"), "192.0.2.2"},
		"over REST, behind a proxy":    {fromREST("198.51.100.1, 192.0.2.2"), "192.0.2.2"},
		"over REST, with two headers":  {fromREST("198.51.100.1", "198.51.100.2, 192.0.2.2"), "192.0.2.2"},
		"with the header, but not it":  {spoofing, "192.0.2.1"},
		"a principal, over REST":       {WithPrincipal(fromREST("192.0.2.2"), "alice"), "principal alice"},
		"over REST, from who knows":    {fromREST(), ""},
		"from who knows":               {context.Background(), ""},
		"a principal named an address": {WithPrincipal(fromAddress("192.0.2.1", 1), "192.0.2.2"), "principal 192.0.2.2"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := clientOf(test.ctx); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// stream is a stream of a client.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func TestStreamLimits(t *testing.T) {
	limits := NewStreamLimits(2, 3, nil)
	a, b, c := fromAddress("192.0.2.1", 1), fromAddress("192.0.2.2", 1), fromAddress("192.0.2.3", 1)
	type opened struct {
		end    chan struct{}
		result chan error
	}
	open := func(ctx context.Context) opened {
		o := opened{make(chan struct{}), make(chan error, 1)}
		entered := make(chan struct{}, 1)
		go func() {
			o.result <- limits.Intercept(nil, stream{ctx: ctx}, nil, func(any, grpc.ServerStream) error {
				entered <- struct{}{}
				<-o.end
				return nil
			})
		}()
		select {
		case <-entered:
		case err := <-o.result:
			o.result <- err
		}
		return o
	}
	want := func(what string, o opened, want error) {
		t.Helper()
		select {
		case err := <-o.result:
			if want == nil || !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		default:
			if want != nil {
				t.Errorf("%s is open", what)
				close(o.end)
			}
		}
	}
	first, second := open(a), open(a)
	want("the first", first, nil)
	want("the second", second, nil)
	want("a client's third", open(a), errTooManyStreams)
	other := open(b)
	want("another client's", other, nil)
	want("one more in all", open(c), errTooManyStreams)
	close(first.end)
	if err := <-first.result; err != nil {
		t.Error(err)
	}
	third := open(a)
	want("when there is room again", third, nil)
	for _, o := range []opened{second, other, third} {
		close(o.end)
		if err := <-o.result; err != nil {
			t.Error(err)
		}
	}
	if len(limits.open) != 0 || limits.all != 0 {
		t.Errorf("it remembers %v", limits.open)
	}
}
