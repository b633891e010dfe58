import { expect, test } from "bun:test";
import { DATA_AMF3_TYPE_ID, kindOfTypeId, TYPE_ID_OF_KIND, type MediaKind } from "../../src/media/packet.ts";

test("the kind of a type id is the table read the other way round", () => {
  for (const kind of Object.keys(TYPE_ID_OF_KIND) as MediaKind[])
    expect(kindOfTypeId(TYPE_ID_OF_KIND[kind])).toBe(kind);
});

test("nothing else is media but data in AMF3", () => {
  const ids = Array.from({ length: 256 }, (_, id) => id);
  const media = ids.filter((id) => kindOfTypeId(id) !== undefined);
  expect(media).toEqual([8, 9, 15, 18]);
  expect(kindOfTypeId(DATA_AMF3_TYPE_ID)).toBe("data");
});
