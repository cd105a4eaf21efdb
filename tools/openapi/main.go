// Command openapi joins the OpenAPI documents of the services, one a .proto
// file, into the one document that the gateway serves.
//
//	go run ./openapi OUT IN...
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"reflect"
	"slices"
)

const description = "Place, answer, transfer and end phone and VoIP calls through Azure Communication Services Call Automation, " +
	"and watch their events. The same API is served over gRPC as callgate.v1."

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: openapi OUT IN...")
	}
	if err := join(os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func join(out string, in []string) error {
	joined := map[string]any{}
	for _, name := range slices.Sorted(slices.Values(in)) {
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		delete(doc, "info")
		if err := merge(joined, doc, ""); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	serveFiles(joined)
	joined["info"] = map[string]any{"title": "callgate", "version": "v1", "description": description}

	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(joined); err != nil {
		return err
	}
	return os.WriteFile(out, buf.Bytes(), 0o644)
}

// files are the operations that bring a file, for which the generated document has
// a stream of messages.
var files = map[string]bool{"Recordings_DownloadRecording": true}

func serveFiles(doc map[string]any) {
	content := map[string]any{"*/*": map[string]any{"schema": map[string]any{"type": "string", "format": "binary"}}}
	for _, path := range doc["paths"].(map[string]any) {
		for _, op := range path.(map[string]any) {
			op, is := op.(map[string]any)
			if name, _ := op["operationId"].(string); !is || !files[name] {
				continue
			}
			op["parameters"] = append(op["parameters"].([]any), map[string]any{
				"name": "Range", "in": "header", "description": "One range of bytes.", "schema": map[string]any{"type": "string"},
			})
			responses := op["responses"].(map[string]any)
			responses["200"] = map[string]any{"description": "The file.", "content": content}
			responses["206"] = map[string]any{"description": "The range of the file that was asked for.", "content": content}
		}
	}
}

// merge adds the members of from to into. What both have must be the same, or
// be objects that can be merged in turn; lists are joined.
func merge(into, from map[string]any, path string) error {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		value := from[key]
		old, exists := into[key]
		if !exists {
			into[key] = value
			continue
		}
		at := path + "/" + key
		oldMap, isMap := old.(map[string]any)
		newMap, newIsMap := value.(map[string]any)
		oldList, isList := old.([]any)
		newList, newIsList := value.([]any)
		switch {
		case reflect.DeepEqual(old, value):
		case isMap && newIsMap:
			if err := merge(oldMap, newMap, at); err != nil {
				return err
			}
		case isList && newIsList:
			for _, item := range newList {
				if !slices.ContainsFunc(oldList, func(o any) bool { return reflect.DeepEqual(o, item) }) {
					oldList = append(oldList, item)
				}
			}
			into[key] = oldList
		default:
			return fmt.Errorf("%s differs between documents", at)
		}
	}
	return nil
}
