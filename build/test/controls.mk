# Builds what is in t/controls as dynamic modules, with the compiler and flags nginx was configured with:
#
#     make -f build/test/controls.mk NGINX_SOURCE_DIR=... NGINX_BUILD_DIR=... OUT=... (all absolute)

.DEFAULT_GOAL := controls
CONTROLS := $(abspath $(wildcard t/controls/*.c))

include $(NGINX_BUILD_DIR)/Makefile

controls: $(CONTROLS:$(abspath t/controls)/%.c=$(OUT)/%.so)
	@:

$(OUT)/%.so: $(abspath t/controls)/%.c
	@mkdir -p $(OUT)
	@cd $(NGINX_SOURCE_DIR) && $(CC) -shared -fPIC $(filter-out -fsanitize=%,$(CFLAGS)) $(ALL_INCS) -o $@ $<
