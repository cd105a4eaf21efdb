// Command protoimports prints the .proto files that the contract imports from
// other projects into a folder, from the descriptors that are linked into their
// Go packages: the versions are those of go.sum, and no registry is asked.
//
//	go run ./protoimports DIR
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/v2/protoprint"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// imported are the files that proto/callgate imports; what they import in turn
// is printed too, except for google/protobuf, which every compiler brings.
var imported = []string{"google/api/annotations.proto", "google/rpc/code.proto", "buf/validate/validate.proto"}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: protoimports DIR")
	}
	for _, path := range imported {
		if err := printFile(os.Args[1], path); err != nil {
			log.Fatal(err)
		}
	}
}

func printFile(dir, path string) error {
	if strings.HasPrefix(path, "google/protobuf/") {
		return nil
	}
	fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	name := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := (&protoprint.Printer{}).PrintProtoFile(fd, f); err != nil {
		return fmt.Errorf("print %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	imports := fd.Imports()
	for i := range imports.Len() {
		if err := printFile(dir, protoreflect.FileDescriptor(imports.Get(i)).Path()); err != nil {
			return err
		}
	}
	return nil
}
