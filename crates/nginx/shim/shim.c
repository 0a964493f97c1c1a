/* The functions of shim.h: its declarations, with their bodies. */

#define BODY(statement)  { statement }

#include "shim.h"
