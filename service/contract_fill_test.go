package service_test

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// oneofs is how many turns it takes at most to see every member of a oneof; an enum
// takes as many for each of its values, so that all meet all.
const oneofs = 7

// notFilled are the fields that say how to go about a request, not what is asked.
var notFilled = map[protoreflect.Name]bool{
	"request_id": true, "validate_only": true, "wait_timeout": true, "page_size": true, "page_token": true,
}

// fill sets every field of a message, texts and numbers to values that are found
// nowhere else; of what can be one of several, the turn-th.
func fill(msg protoreflect.Message, turn int) { fillAt(msg, "", turn) }

func fillAt(msg protoreflect.Message, path string, turn int) {
	oneof := map[protoreflect.OneofDescriptor]protoreflect.FieldDescriptor{}
	fields := msg.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		group := field.ContainingOneof()
		if group != nil && !group.IsSynthetic() {
			if oneof[group] == nil {
				oneof[group] = group.Fields().Get(turn % group.Fields().Len())
			}
			if oneof[group] != field {
				continue
			}
		}
		if notFilled[field.Name()] {
			continue
		}
		at := path + "/" + string(field.Name())
		switch {
		case field.IsMap():
			value := msg.NewField(field).Map()
			inner := value.NewValue()
			if field.MapValue().Message() != nil {
				fillAt(inner.Message(), at, turn)
			} else {
				inner = scalar(field.MapValue(), at, turn)
			}
			value.Set(protoreflect.ValueOfString("key").MapKey(), inner)
			msg.Set(field, protoreflect.ValueOfMap(value))
		case field.IsList():
			list := msg.NewField(field).List()
			if field.Message() != nil {
				inner := list.NewElement()
				fillAt(inner.Message(), at, turn)
				list.Append(inner)
			} else {
				list.Append(scalar(field, at, turn))
			}
			msg.Set(field, protoreflect.ValueOfList(list))
		case field.Message() != nil:
			fillAt(msg.Mutable(field).Message(), at, turn)
		default:
			msg.Set(field, scalar(field, at, turn))
		}
	}
	if msg.Descriptor().Name() == "CommunicationIdentifier" && turn%3 != 0 { // the kind is enough
		msg.Clear(fields.ByName("raw_id"))
	}
}

func scalar(field protoreflect.FieldDescriptor, path string, turn int) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(turn%2 == 0)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(1 + turn/oneofs%(values.Len()-1)).Number())
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(1000 + len(path)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(1000 + len(path)))
	case protoreflect.StringKind:
		if strings.HasSuffix(path, "callback_uri") { // of those that newGateway allows
			return protoreflect.ValueOfString("https://app" + path)
		}
		return protoreflect.ValueOfString("the " + path[1:])
	}
	panic("no value for " + field.FullName())
}

// turns is how many turns show all that a message can hold.
func turns(msg protoreflect.MessageDescriptor) int {
	longest := 1
	var look func(protoreflect.MessageDescriptor, int)
	look = func(msg protoreflect.MessageDescriptor, depth int) {
		for i := range msg.Fields().Len() {
			field := msg.Fields().Get(i)
			if field.Enum() != nil {
				longest = max(longest, field.Enum().Values().Len()-1)
			}
			if field.Message() != nil && depth < 8 {
				look(field.Message(), depth+1)
			}
		}
	}
	look(msg, 0)
	return longest * oneofs
}

// fieldOf is the field that fill gave a text.
func fieldOf(text string) string {
	path, is := strings.CutPrefix(text, "the ")
	if !is {
		return ""
	}
	return path[strings.LastIndex(path, "/")+1:]
}
