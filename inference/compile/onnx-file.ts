/**
 * Serialises a graph as an ONNX model; field numbers are those of onnx.proto.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Attribute, ElementType, GraphBuilder, Initializer, Node, TensorInfo } from './graph-builder.ts';
import { ProtobufWriter } from './protobuf.ts';
import type { Placement } from './weight-file.ts';

const IR_VERSION = 10;
const OPSETS = [
  { domain: '', version: 21 },
  { domain: 'com.microsoft', version: 1 },
] as const;

const elementTypes: Readonly<Record<ElementType, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7 };
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;
const EXTERNAL = 1;

/**
 * @param places where each initialiser that is not inline lies in `weightFile`
 * @param weightFile file name, relative to the model's folder
 */
export function serializeModel(
  name: string,
  graph: GraphBuilder,
  places: ReadonlyMap<Initializer, Placement>,
  weightFile: string,
): Uint8Array {
  const message = new ProtobufWriter();
  graph.nodes.forEach((node, index) => {
    message.message(1, nodeProto(node, index));
  });
  message.string(2, name);
  for (const initializer of graph.initializers) message.message(5, tensorProto(initializer, places.get(initializer), weightFile));
  for (const info of graph.inputs) message.message(11, valueInfo(info));
  for (const info of graph.outputs) message.message(12, valueInfo(info));
  const model = new ProtobufWriter().int(1, IR_VERSION).string(2, 'firellava-gateway').message(7, message);
  for (const { domain, version } of OPSETS) model.message(8, new ProtobufWriter().string(1, domain).int(2, version));
  return model.finish();
}

function nodeProto(node: Node, index: number): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const input of node.inputs) message.string(1, input?.name ?? '');
  for (const output of node.outputs) message.string(2, output.name);
  message.string(3, `${node.type}_${index}`).string(4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) message.message(5, attributeProto(name, value));
  return message.string(7, node.domain);
}

function attributeProto(name: string, value: Attribute): ProtobufWriter {
  const message = new ProtobufWriter().string(1, name);
  if (typeof value === 'number') return message.int(3, value).int(20, attributeTypes.int);
  if (typeof value === 'string') return message.string(4, value).int(20, attributeTypes.string);
  if ('float' in value) return message.float(2, value.float).int(20, attributeTypes.float);
  for (const item of value) message.int(8, item);
  return message.int(20, attributeTypes.ints);
}

function tensorProto(initializer: Initializer, place: Placement | undefined, weightFile: string): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const size of initializer.shape) message.int(1, size);
  message.int(2, elementTypes[initializer.type]).string(8, initializer.value.name);
  if (!place) {
    if (!(initializer.data instanceof Uint8Array)) throw new TypeError(`initialiser ${initializer.value.name} has no place and no bytes`);
    return message.bytes(9, initializer.data);
  }
  const entries = { location: weightFile, offset: String(place.offset), length: String(place.byteLength) };
  for (const [key, value] of Object.entries(entries)) message.message(13, new ProtobufWriter().string(1, key).string(2, value));
  return message.int(14, EXTERNAL);
}

function valueInfo({ value, type, shape }: TensorInfo): ProtobufWriter {
  const shapeProto = new ProtobufWriter();
  for (const size of shape) {
    shapeProto.message(1, typeof size === 'number' ? new ProtobufWriter().int(1, size) : new ProtobufWriter().string(2, size));
  }
  const tensorType = new ProtobufWriter().int(1, elementTypes[type]).message(2, shapeProto);
  return new ProtobufWriter().string(1, value.name).message(2, new ProtobufWriter().message(1, tensorType));
}
