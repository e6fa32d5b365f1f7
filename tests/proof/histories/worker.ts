/** A worker that goes through parts of all histories. */
import { workOn } from "../spread.ts";
import { explorePart } from "./parts.ts";

workOn(explorePart);
