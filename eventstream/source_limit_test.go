package eventstream

import (
	"testing"
)

func TestSourcesAreCountedApart(t *testing.T) {
	for name, test := range map[string]struct {
		first, second string
		same          bool
	}{
		"another port":               {"192.0.2.1:1", "192.0.2.1:2", true},
		"another address":            {"192.0.2.1:1", "192.0.2.2:1", false},
		"the address within IPv6":    {"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		"the same network of IPv6":   {"[2001:db8::1]:1", "[2001:db8::ffff:2]:1", true},
		"another network of IPv6":    {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		"another interface":          {"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		"what is no address is one":  {"pipe", "@", true},
		"what is no address, and is": {"pipe", "192.0.2.1:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSourceLimit(1)
			leave, ok := l.enter(test.first)
			if !ok {
				t.Fatal("the first is refused")
			}
			again, ok := l.enter(test.second)
			if ok == test.same {
				t.Errorf("the second is let in: %v", ok)
			}
			leave()
			if again != nil {
				again()
			}
			if leave, ok = l.enter(test.second); !ok {
				t.Error("it is refused although nobody is there")
			}
			leave()
			if len(l.busy) != 0 {
				t.Errorf("it remembers %v", l.busy)
			}
		})
	}
}

func TestNoSourceLimit(t *testing.T) {
	l := newSourceLimit(0)
	for range 1000 {
		if _, ok := l.enter("192.0.2.1:1"); !ok {
			t.Fatal("refused")
		}
	}
}
