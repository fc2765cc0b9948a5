package org.maskrt.models.testing;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips what is tagged {@code gpu} and says so, unless the system property {@code maskrt.gpu} is set (the Maven profile {@code gpu} sets it). */
public final class GpuCondition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        return context.getTags().contains("gpu") && !Boolean.getBoolean("maskrt.gpu")
                ? ConditionEvaluationResult.disabled("needs a GPU: mvn verify -Pgpu runs it")
                : ConditionEvaluationResult.enabled("needs no GPU, or has one");
    }
}
