package idx

import (
	"reflect"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for _, a := range []Array{
		{Shape: []int{2, 3}, Data: []byte{1, 2, 3, 4, 5, 255}},
		{Shape: []int{1}, Data: []byte{7}},
		{Shape: []int{0, 5}, Data: []byte{}},
	} {
		file, err := Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Unmarshal(file); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%v comes back as %v (%v)", a, got, err)
		}
	}
}

func TestAFileThatIsNoneIsRefused(t *testing.T) {
	good, err := Marshal(Array{Shape: []int{2, 3}, Data: []byte{1, 2, 3, 4, 5, 6}})
	if err != nil {
		t.Fatal(err)
	}
	lying, err := Marshal(Array{Shape: []int{1 << 30, 1 << 30, 1 << 30}, Data: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":       {nil, "EOF"},
		"no gzip":     {[]byte("a text that is long enough"), "gzip"},
		"cut":         {good[:len(good)-9], "EOF"},
		"wrong sizes": {lying, "1 bytes follow the header"},
	} {
		if _, err := Unmarshal(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	good, _ := Marshal(Array{Shape: []int{2, 3}, Data: []byte{1, 2, 3, 4, 5, 6}})
	f.Add(good)
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := Unmarshal(file)
		if err != nil {
			return
		}
		n := 1
		for _, s := range a.Shape {
			n *= s
		}
		if n != len(a.Data) {
			t.Fatalf("shape %v with %d bytes", a.Shape, len(a.Data))
		}
	})
}
